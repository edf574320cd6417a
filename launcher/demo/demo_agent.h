#pragma once

namespace bottle::launcher {

// The script that runs in the bottle of `bottle start demo`, with bash and curl only. It judges
// nothing; it prints what the clients said between "== name" lines, and the demo outside judges.
// DEMO_ORIGIN: the stand-in's URL. DEMO_DIRECT: its address on the host. DEMO_TOKEN: the secret.
inline constexpr const char* kDemoAgent = R"demo(#!/bin/bash
# The agent of `bottle start demo`.
say() { printf '%s\n' "$*"; }

say "== stream"
say "\$ curl --http2 -sSN $DEMO_ORIGIN/sse?n=5&ms=300"
start=$EPOCHREALTIME
curl --http2 -sSN --max-time 30 -w '\nend http_version=%{http_version} status=%{http_code}\n' \
  "$DEMO_ORIGIN/sse?n=5&ms=300" 2>&1 |
  while IFS= read -r line; do
    line=${line%$'\r'}
    [ -z "$line" ] && continue
    now=${EPOCHREALTIME/[.,]/}
    age=
    if [[ $line =~ \"sent\":([0-9]+) ]]; then age="  ($(( now - BASH_REMATCH[1] / 1000 )) us old)"; fi
    printf '%5d ms  %s%s\n' "$(( (now - ${start/[.,]/}) / 1000 ))" "$line" "$age"
  done

say "== secret"
say "\$ curl -sS $DEMO_ORIGIN/echo -d 'token=\$DEMO_TOKEN'"
curl -sS --max-time 30 -o /tmp/answer -w 'status=%{http_code}\n' -D /tmp/head \
  "$DEMO_ORIGIN/echo" -d "note=hello&token=$DEMO_TOKEN" 2>&1
grep -i '^x-bottle-deny' /tmp/head
cat /tmp/answer
say ""

say "== outside"
say "\$ curl -sS https://not-on-the-list.demo/"
curl -sS --max-time 30 -w '\nstatus=%{http_code}\n' https://not-on-the-list.demo/ 2>&1

say "== direct"
say "\$ curl --noproxy '*' http://$DEMO_DIRECT/     (the stand-in, past the proxy)"
curl -sS --noproxy '*' --max-time 5 "http://$DEMO_DIRECT/" 2>&1
say "exit=$?"
say "\$ curl --noproxy '*' http://192.0.2.1/     (any other address)"
curl -sS --noproxy '*' --max-time 5 http://192.0.2.1/ 2>&1
say "exit=$?"
say "\$ curl --noproxy '*' $DEMO_ORIGIN/     (a name)"
curl -sS --noproxy '*' --max-time 5 "$DEMO_ORIGIN/" 2>&1
say "exit=$?"

say "== finish"
)demo";

}  // namespace bottle::launcher
