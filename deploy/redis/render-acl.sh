#!/bin/sh
# Writes the ACL file for Redis, generated from users.acl, to standard output.
#
#   PREFIXES="housing obesity" REDIS_CLIENT_PASSWORD=... render-acl.sh users.acl > /run/users.acl
#
# The password of a role comes from REDIS_<ROLE>_PASSWORD, or from the file that REDIS_<ROLE>_PASSWORD_FILE names; only
# its SHA-256 is written. A role without a password gets no user, and no user has an empty one. ACL_LEVEL=6.2 writes a
# file for that server, which has neither selectors nor separate rights to read and write, so a user gets all of its
# commands on all of its keys.
set -eu

password_of() {
  eval "file=\${REDIS_$1_PASSWORD_FILE:-} word=\${REDIS_$1_PASSWORD:-}"
  if [ -n "$file" ]; then word=$(cat "$file"); fi
  printf '%s' "$word"
}

hashes=
for role in $(awk '$1 == "user" { print $2 }' "$1"); do
  password=$(password_of "$(printf '%s' "$role" | tr '[:lower:]' '[:upper:]')")
  if [ -n "$password" ]; then
    hashes="$hashes $role=$(printf '%s' "$password" | sha256sum | cut -d' ' -f1)"
  else
    echo "render-acl.sh: no password for $role, which gets no user" >&2
  fi
done

awk -v prefixes="${PREFIXES:-housing}" -v hashes="$hashes" -v level="${ACL_LEVEL:-7.0}" '
  function finish() { if (line != "") print line; line = "" }
  BEGIN {
    many = split(prefixes, prefix, " ")
    # the number of a shard stands inside the hash tag, if there is one
    for (i = 1; i <= many; i++) {
      shards[i] = prefix[i] ".[0-9]*"
      untagged[i] = prefix[i]
      gsub(/[{}]/, "", untagged[i])
      if (index(prefix[i], "}")) { shards[i] = prefix[i]; sub(/}/, ".[0-9]*}", shards[i]) }
    }
    pairs = split(hashes, pair, " ")
    for (i = 1; i <= pairs; i++) { split(pair[i], part, "="); hash[part[1]] = part[2] }
    # This user is off, but Redis loads its append-only file with its rights: without them it would drop every
    # transaction in the file, that is, the writes of every script, and start without the answers.
    print "user default off resetpass ~* &* +@all"
  }
  $1 ~ /^#/ || NF == 0 { next }
  $1 == "user" {
    finish()
    if ($2 in hash) line = "user " $2 " on #" hash[$2] " resetkeys resetchannels -@all"
    next
  }
  line != "" {
    for (i = 1; i <= NF; i++) {
      word = $i
      if (level == "6.2") {
        if (word == "(" || word == ")") continue
        sub(/^%R?W?~/, "~", word)
      }
      if (index(word, "@:") == 0) { line = line " " word; continue }
      for (j = 1; j <= many; j++) {
        key = sharded = word
        # stored features have no hash tag and are of no shard: they spread over the slots of a cluster
        if (sub(/@:features:/, untagged[j] ":features:", key)) { line = line " " key; continue }
        sub(/@:/, prefix[j] ":", key)
        sub(/@:/, shards[j] ":", sharded)
        line = line " " key " " sharded
      }
    }
  }
  END { finish() }
' "$1"
