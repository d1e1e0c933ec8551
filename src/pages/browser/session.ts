export function keepAlive(): void {}
