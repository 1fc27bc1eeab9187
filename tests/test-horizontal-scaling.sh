#!/usr/bin/env bash
# Checks from outside, over HTTP alone, that a deployment is one system, however many replicas it has.
# `tests/test-horizontal-scaling.sh --help` says more. Needs bash, curl, coreutils and grep.
set -uo pipefail

usage() {
    cat <<'HELP'
Usage: test-horizontal-scaling.sh [--full] [BACKEND_URL]

Asks a running deployment and prints one line a check, then how many passed. Six checks: health, five requests at once,
the AI endpoint, the average response time, the metrics endpoint, the replicas that answer. They start one small job
at most: its text is always the same, so that a repeat is answered with the cards that are there.

  --full       also: a job that one replica accepted is seen through every other; the job ends; the per-user limit is
               global; the fleet's limit is one. That makes five short texts into cards: five paid calls. Run it while
               nothing else does: other traffic can't feign a fault, but it can hide one.
  -h, --help   this text

Variables:
  BACKEND_URL       where the deployment is, where it is not an argument
  TOKEN             who asks: a signed token, or a key of `unilingo keys create`. Without it the requests name a user
                    themselves, which AUTH=trust-client believes
  TEST_USER         that user [default: scaling-test]
  ADMIN_TOKEN       opens the metrics endpoint (200); without it 403 is as good
  EXPECT_REPLICAS   how many replicas of the api have to be seen [default: 1]
  FLEET_JOBS        jobs that --full holds against the fleet's limit: as many as there are workers, at least [default: 4]
  JOB_WAIT          most seconds that a job may take [default: 90]
  NO_COLOR          no colours, on a terminal either

Exit code: 0 when nothing failed, 1 when something did, 2 for wrong usage. A check that could not be made is a line
with SKIP and its reason, and no failure.

Examples:
  tests/test-horizontal-scaling.sh http://localhost:3001
  EXPECT_REPLICAS=2 tests/test-horizontal-scaling.sh --full https://api.example.com
  TOKEN="$(cat staging.jwt)" BACKEND_URL=https://staging.example.com tests/test-horizontal-scaling.sh --full
HELP
}

wrong() { echo "test-horizontal-scaling.sh: $*" >&2 && usage >&2 && exit 2; }

full=false
backend=${BACKEND_URL:-}
given=false
for argument in "$@"; do
    case $argument in
        -h | --help) usage && exit 0 ;;
        --full) full=true ;;
        -*) wrong "no such option: $argument" ;;
        *)
            [ "$given" = false ] || wrong "one address is enough: $argument"
            given=true
            backend=$argument
            ;;
    esac
done
case $backend in
    http://?* | https://?*) backend=${backend%/} ;;
    '') wrong "where is the deployment? Set BACKEND_URL" ;;
    *) wrong "not an http address: $backend" ;;
esac
expected=${EXPECT_REPLICAS:-1}
fleet_jobs=${FLEET_JOBS:-4}
job_wait=${JOB_WAIT:-90}
for number in "$expected" "$fleet_jobs" "$job_wait"; do
    [[ $number =~ ^[1-9][0-9]{0,3}$ ]] || wrong "not a number from 1 to 9999: $number"
done
user=${TEST_USER:-scaling-test}
[[ $user =~ ^[A-Za-z0-9._:@-]+$ ]] || wrong "TEST_USER may have letters, digits and . _ : @ - in it"

green='' red='' yellow='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    green=$'\e[32m' red=$'\e[31m' yellow=$'\e[33m' plain=$'\e[0m'
fi
passed=0 failed=0 skipped=0
pass() { passed=$((passed + 1)) && echo "${green}✓ PASS: $*${plain}"; }
fail() { failed=$((failed + 1)) && echo "${red}✗ FAIL: $*${plain}"; }
skip() { skipped=$((skipped + 1)) && echo "${yellow}- SKIP: $*${plain}"; }
finish() {
    echo
    echo "Passed: $passed"
    echo "Failed: $failed"
    [ "$skipped" -eq 0 ] || echo "Skipped: $skipped"
    [ "$failed" -eq 0 ]
    exit
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Secrets go to curl by a file: other users of this machine see command lines.
quoted() { local text=${1//\\/\\\\} && printf '"%s"' "${text//\"/\\\"}"; }
{
    echo "header = $(quoted "content-type: application/json")"
    if [ -n "${TOKEN:-}" ]; then echo "header = $(quoted "authorization: Bearer $TOKEN")"; fi
} >"$work/client"
: >"$work/admin"
if [ -n "${ADMIN_TOKEN:-}" ]; then echo "header = $(quoted "x-admin-token: $ADMIN_TOKEN")" >"$work/admin"; fi

# ask PATH [curl's options…]: sets status (000: no answer), replica, and the files $work/head and $work/body.
ask() {
    local path=$1
    shift
    : >"$work/head" && : >"$work/body"
    status=$(curl -sS --max-time 20 -o "$work/body" -D "$work/head" -w '%{http_code}' "$@" "$backend$path" 2>"$work/error")
    replica=$(header x-replica-id)
}
header() { # NAME of the last answer
    grep -i "^$1:" "$work/head" | tail -n 1 | cut -d: -f2- | tr -d ' \r'
}
field() { # NAME: a string or a number of the last answer
    grep -oE "\"$1\":(\"[^\"]*\"|[0-9]+)" "$work/body" | head -n 1 | cut -d: -f2- | tr -d '"'
}
code() { if [ -n "$(field code)" ]; then echo "HTTP $status, $(field code)"; else echo "HTTP $status"; fi; }

# Asks for cards of the text $1 as the user $2, by the path of shipped apps: answered at once.
request_cards() {
    local body="{\"content\":\"$1\",\"subject\":\"Biology\",\"topic\":\"Photosynthesis\",\"nativeLanguage\":\"German\",\"targetLanguage\":\"English\""
    if [ -z "${TOKEN:-}" ]; then body+=",\"userId\":\"$2\""; fi
    ask '/api/ai/generate-flashcards?wait=0' -K "$work/client" --data "$body}"
}
# The same; where a limit says to come again, once more when it said. Sets job.
submit() {
    request_cards "$1" "$2"
    if [ "$status" = 429 ]; then
        local seconds
        seconds=$(header retry-after)
        [[ $seconds =~ ^[0-9]+$ && $seconds -le 60 ]] || seconds=60
        echo "  a limit is used up: going on in $((seconds + 1)) s …"
        sleep "$((seconds + 1))"
        request_cards "$1" "$2"
    fi
    job=$(field jobId)
    [ "$status" = 202 ] && [ -n "$job" ]
}
look_at() { # JOB
    if [ -n "${TOKEN:-}" ]; then
        ask "/api/job-status/$1" -K "$work/client"
    else
        ask "/api/job-status/$1" -H "user-id: $user"
    fi
}

ask /api/health
if [ "$status" = 200 ]; then
    pass "Health check returned 200"
elif [ "$status" = 000 ]; then
    fail "Health check returned nothing: $(tail -n 1 "$work/error")"
    finish
else
    fail "Health check returned $status"
fi

requests=()
for number in 1 2 3 4 5; do
    curl -sS --max-time 20 -o /dev/null -w '%{http_code}' "$backend/api/health" >"$work/at-once-$number" 2>/dev/null &
    requests+=($!)
done
wait "${requests[@]}"
succeeded=$(cat "$work"/at-once-* | grep -o 200 | wc -l)
if [ "$((succeeded))" -eq 5 ]; then
    pass "All 5 concurrent requests succeeded"
else
    fail "Only $((succeeded)) of 5 concurrent requests succeeded"
fi

sentence="Plants make sugar from light, water and carbon dioxide. They keep it as starch, and give off oxygen."
request_cards "$sentence" "$user"
case $status in
    202 | 200 | 429) pass "AI endpoint responding (HTTP $status)" ;;
    401 | 403) fail "AI endpoint refused the request ($(code)): set TOKEN" ;;
    *) fail "AI endpoint returned $(code)" ;;
esac

micros=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
    seconds=$(curl -sS --max-time 20 -o /dev/null -w '%{time_total}' "$backend/api/health" 2>/dev/null)
    # Seconds with six digits behind the point.
    micros=$((micros + 10#${seconds/[.,]/}))
done
average=$((micros / 10000))
if [ "$average" -lt 500 ]; then
    pass "Average response time < 500ms (${average}ms)"
else
    fail "Average response time is ${average}ms, and not < 500ms"
fi

ask /api/metrics -K "$work/admin"
case $status in
    200 | 403) pass "Metrics endpoint returned $status" ;;
    *) fail "Metrics endpoint returned $(code)" ;;
esac

# Names in `answered`, with their number in `answers`: words, since old versions of bash have no sets.
nobody_answered() { answered=' ' answers=0; }
has_answered() {
    case $answered in *" ${replica:-nameless} "*) return ;; esac
    answered+="${replica:-nameless} " answers=$((answers + 1))
}

# Platforms choose a replica at random: with 20 requests for each, one that is there is all but certain to be chosen.
nobody_answered
for ((asked = 0; asked < 20 * expected; asked++)); do
    if [ "$asked" -ge 10 ] && [ "$answers" -ge "$expected" ]; then break; fi
    ask /api/health
    if [ -n "$replica" ]; then has_answered; fi
done
replicas=$answers
if [ "$replicas" -ge "$expected" ]; then
    pass "Replicas seen by X-Replica-Id: $replicas (at least $expected expected)"
else
    fail "Replicas seen by X-Replica-Id: $replicas, and not $expected"
fi
[ "$full" = true ] || finish

run=$(date +%s)-$RANDOM
patience=$((20 * (replicas > 1 ? replicas : 1)))
# until_all_answered COMMAND…: runs it until every replica has answered, and `judge` after each time.
until_all_answered() {
    nobody_answered
    for ((asked = 0; asked < patience && answers < replicas; asked++)); do
        "$@"
        has_answered
        judge
    done
}

# --- One queue for all replicas -------------------------------------------------------------------------------------
shared_queue=false
first_at=$SECONDS
if ! submit "Lesson $run. $sentence" "$user"; then
    fail "No job was accepted: $(code)"
    finish
fi
first=$job accepted_by=$replica deaf=''
judge() { if [ "$(field status)" = not_found ] || [ "$status" != 200 ]; then deaf=$replica; fi; }
until_all_answered look_at "$first"
if [ -n "$deaf" ]; then
    fail "Job submitted through replica $accepted_by is not seen through replica $deaf: do they share one Redis and one QUEUE_PREFIX?"
elif [ "$answers" -lt 2 ]; then
    shared_queue=true
    skip "Job submitted through one replica is seen through another: only one replica answers"
else
    shared_queue=true
    pass "Job submitted through one replica is seen through every other ($answers replicas)"
fi
if [ "$shared_queue" = false ]; then
    skip "Job ends, per-user limit, fleet's limit: they need replicas that share one Redis"
    finish
fi

# --- Jobs end -------------------------------------------------------------------------------------------------------
# until_ended JOB: sets ended to how it ended, or to nothing when the time is up at $give_up_at.
until_ended() {
    while :; do
        look_at "$1"
        ended=$(field status)
        case $ended in completed | failed) return ;; esac
        if [ "$SECONDS" -ge "$give_up_at" ]; then
            state=$ended ended=''
            return
        fi
        sleep 0.3
    done
}
give_up_at=$((SECONDS + job_wait))
until_ended "$first"
jobs_end=false
case $ended in
    completed) pass "Job ended: completed" && jobs_end=true ;;
    failed) fail "Job ended: failed ($(field error))" ;;
    *) fail "Job did not end within $job_wait s, it is $state: does a flashcard worker run on this Redis?" ;;
esac

# --- The per-user limit ---------------------------------------------------------------------------------------------
# Every request takes one from what is left, whichever replica answers. All of them ask for the first job's cards, which
# costs nothing; where requests name their user, it is one who has asked for nothing else.
limit_user=scaling-test-$run
# of_policy NAME KEY of the headers of the last answer: "user-ai";q=20;w=60
of_policy() { header "$1" | grep -o "\"user-ai\";$2=[0-9]*" | cut -d= -f2; }
count_down() {
    trouble='' refused='' limit=''
    local last='' last_at='' left limit_here
    nobody_answered
    for ((asked = 0; asked < 12; asked++)); do
        if [ "$answers" -ge "$replicas" ] && [ "$asked" -ge $((2 * replicas)) ]; then return; fi
        request_cards "Lesson $run. $sentence" "$limit_user"
        case $status in
            200 | 202) ;;
            429) refused=true && return ;;
            *) trouble="can't be read: $(code) at replica $replica" && return ;;
        esac
        has_answered
        left=$(of_policy ratelimit r) limit_here=$(of_policy ratelimit-policy q)
        limit_here=${limit_here:-none}
        if [ "$limit_here" != "${limit:-$limit_here}" ]; then
            trouble="is not the same everywhere: $limit_here at replica $replica, $limit at replica $last_at"
            return
        fi
        if [ -n "$left" ] && [ -n "$last" ] && [ "$left" -ge "$last" ]; then
            trouble="is kept per replica: $left left at replica $replica, after $last left at replica $last_at"
            return
        fi
        limit=$limit_here last=$left last_at=$replica
    done
}
count_down
# Requests of the minute before may have left the window meanwhile, where a token says who asks.
if [ "$trouble" != "${trouble#is kept}" ] && [ -n "${TOKEN:-}" ]; then count_down; fi
if [ -n "$trouble" ]; then
    fail "Per-user limit $trouble"
elif [ "$limit" = none ]; then
    skip "Per-user limit: none is set (USER_AI_LIMIT_PER_MIN)"
elif [ "$answers" -ge 2 ]; then
    pass "Per-user limit is global: $limit a minute, counted by $answers replicas together"
elif [ -n "$refused" ]; then
    skip "Per-user limit: a limit is used up already, try again in a minute"
else
    skip "Per-user limit: only one replica answers"
fi

# --- The fleet's limit ----------------------------------------------------------------------------------------------
# Whichever worker makes a call, it is in the one window that every replica shows.
if [ "$jobs_end" = false ]; then
    skip "Fleet's limit: no job ends"
    finish
fi
short='' differs='' in_force=''
judge() {
    local limit
    limit="$(field requestsPerMinute)/$(field tokensPerMinute)" used=$(field requestsThisMinute)
    used=${used:-0}
    if [ "$status" != 200 ]; then differs="$(code) at replica $replica"; fi
    if [ "${in_force:-$limit}" != "$limit" ]; then differs="$in_force and $limit (requests/tokens a minute)"; fi
    in_force=$limit
    if [ "$used" -lt "$wanted" ]; then short="$used of them at replica $replica"; fi
}
wanted=0
until_all_answered ask /api/ai/status
if [ -n "$differs" ]; then
    fail "Fleet's limit is not one: replicas show $differs"
    finish
fi
if [ "$in_force" = 0/0 ]; then
    skip "Fleet's limit: none is in force (OPENAI_RATE_LIMIT_RPM and OPENAI_RATE_LIMIT_TPM are 0 at every worker)"
    finish
fi
fleet_at=$SECONDS jobs=()
for ((number = 1; number <= fleet_jobs; number++)); do
    if ! submit "Lesson $run, part $number. $sentence" "$user"; then
        fail "Fleet's limit: job $number was not accepted: $(code)"
        finish
    fi
    jobs+=("$job")
done
give_up_at=$((SECONDS + job_wait))
for job in "${jobs[@]}"; do
    until_ended "$job"
    if [ "$ended" != completed ]; then
        fail "Fleet's limit: job $job ${ended:-did not end within $job_wait s}"
        finish
    fi
done
# Calls that are as good as a minute old may have left the window.
if [ $((SECONDS - fleet_at)) -gt 50 ]; then
    skip "Fleet's limit: the jobs took longer than its window"
    finish
fi
wanted=$fleet_jobs
if [ $((SECONDS - first_at)) -le 50 ]; then wanted=$((wanted + 1)); fi
until_all_answered ask /api/ai/status
if [ -n "$short" ]; then
    fail "Fleet's limit is not one: $wanted calls were made within a minute, and its window counts $short. Have all workers the same OPENAI_MODEL, and is the api's the same?"
elif [ "${in_force%/*}" -gt 0 ] && [ "$used" -gt "${in_force%/*}" ]; then
    fail "Fleet's limit is exceeded: $used calls within a minute, and not ${in_force%/*}"
else
    pass "Fleet's limit is one: all $wanted calls of this run are in the window that $answers replicas show ($used of ${in_force%/*})"
fi
finish
