#!/bin/sh
# Makes the files in secrets/ that compose.yaml names: a password for Redis, and a self-signed certificate for a trial. Run it in
# the folder of compose.yaml, with the host name of the service: make-secrets.sh login.example.com
set -eu
host=${1:?the host name of the service, such as login.example.com}
if [ -e secrets ]; then
  echo 'The folder secrets exists. Nothing was changed.' >&2
  exit 1
fi

# The containers read the files with users of their own, so the files are readable for all. On this machine, only the owner of the
# folder can open it.
umask 077
mkdir secrets
umask 022

password=$(openssl rand -hex 32)
hash=$(printf %s "$password" | openssl dgst -sha256 -r | cut -d ' ' -f 1)
printf 'redis://login:%s@redis:6379\n' "$password" >secrets/store-url
# The rights that docs/operation.md lists, "Redis settings". The user "default" would need no password.
cat >secrets/redis-users.acl <<ACL
user default off
user login on #$hash resetchannels ~login:* -@all +get +set +getdel +del +hget +hmget +hincrby +pttl +pexpire +zadd +zrange +zrem +zremrangebyscore +eval +evalsha +scan +time +ping +info +cluster|info +client|tracking
ACL

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=$host" \
  -addext "subjectAltName=DNS:$host" -keyout secrets/tls.key -out secrets/tls.crt 2>/dev/null
chmod 644 secrets/tls.key
echo 'Made secrets/. Replace tls.crt and tls.key by those of a certificate authority.'
