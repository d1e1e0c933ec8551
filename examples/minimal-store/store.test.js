import { test } from 'node:test';
import { testSessionStore } from 'session-cookie-login/testing';
import { MinimalStore } from './store.js';

testSessionStore(test, () => new MinimalStore());
