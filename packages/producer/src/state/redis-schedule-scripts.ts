/** The scripts of the Redis store for what the sweep does: find routes, let routes go, know who lives. */

import { SILENT_MS } from "./fleet-store.ts";
import { CANCELLED_WAIT_MS, KEPT, RETIRED } from "./kept.ts";
import { PRELUDE } from "./redis-script-prelude.ts";
import { NAMED_AGAIN_MS, RETIRED_KEEP_MS } from "./waking.ts";

/** ARGV: clock, at most. Answers id, definition, '1' when dirty, last change, '1' when ever started, worker, '1' to look again */
const TAKE_WAKING = `
local found = {}
for _, id in ipairs(call('ZRANGEBYSCORE', S .. 'wake', '-inf', int(now), 'LIMIT', 0, ARGV[2])) do
  local requested, synced, paused, not_before, definition, changed_at, started_at, worker, retired, look = unpack(call(
    'HMGET', route_key(id), 'requested', 'synced', 'paused', 'notBefore', 'def', 'lastChangeAt', 'lastStartedAt',
    'workerId', 'retired', 'lookAt'))
  local wait = tonumber(not_before)
  if not definition or paused == '1' or retired then
    call('ZREM', S .. 'wake', id)
  elseif wait and wait > now then
    call('ZADD', S .. 'wake', int(wait), id)
  else
    call('ZADD', S .. 'wake', int(now + ${NAMED_AGAIN_MS}), id)
    found[#found + 1] = { id, definition, (requested and requested ~= synced) and '1' or '', changed_at or '',
      started_at and '1' or '', worker or '', (look and tonumber(look) <= now) and '1' or '' }
  end
end
return found
`;

/** ARGV: clock, route, time */
const LOOK_AGAIN = `
if not exists(ARGV[2]) then return 0 end
local before = tonumber(call('HGET', route_key(ARGV[2]), 'lookAt') or '')
if not before or before > tonumber(ARGV[3]) then call('HSET', route_key(ARGV[2]), 'lookAt', ARGV[3]) end
wake(ARGV[2])
return 1
`;

/** ARGV: clock, route, run id of cancelled jobs' reports */
const RETIRE = `
local id = ARGV[2]
call('HDEL', S .. 'configured', id)
if not exists(id) then return 0 end
for index, job in ipairs(call('ZRANGE', S .. 'open:' .. id, 0, -1)) do
  if call('HGET', job_key(job), 'state') ~= 'active' then
    cancel_unstarted(job, ARGV[3] .. '-' .. index, ${KEPT.reports}, ${CANCELLED_WAIT_MS}, '${JSON.stringify(RETIRED)}')
  end
end
call('HSET', route_key(id), 'retired', '1')
call('SREM', S .. 'target:' .. call('HGET', route_key(id), 'target'), id)
call('ZREM', S .. 'routes', id)
wake(id)
keep_alive(id, ${RETIRED_KEEP_MS})
for _, run in ipairs(call('LRANGE', S .. 'reports:' .. id, 0, -1)) do
  call('PEXPIRE', S .. 'report:' .. run, ${RETIRED_KEEP_MS})
end
return 1
`;

/** ARGV: clock, process, what it says */
const BEAT = `
call('HSET', S .. 'processes', ARGV[2], ARGV[3])
call('ZADD', S .. 'beats', int(now), ARGV[2])
return 1
`;

/** ARGV: clock, process */
const LEAVE = `
call('HDEL', S .. 'processes', ARGV[2])
call('ZREM', S .. 'beats', ARGV[2])
return 1
`;

/** ARGV: clock. Answers what each live process says and when it said so. */
const PROCESSES = `
-- A beat of the future is one from before the clock was set back; who lives beats again at once.
for _, range in ipairs({ { '-inf', '(' .. int(now - ${SILENT_MS}) }, { '(' .. int(now + ${SILENT_MS}), '+inf' } }) do
  for _, id in ipairs(call('ZRANGEBYSCORE', S .. 'beats', range[1], range[2])) do
    call('HDEL', S .. 'processes', id)
    call('ZREM', S .. 'beats', id)
  end
end
local found = {}
for _, id in ipairs(call('ZRANGE', S .. 'beats', 0, -1)) do
  local said = call('HGET', S .. 'processes', id)
  if said then found[#found + 1] = { said, call('ZSCORE', S .. 'beats', id) } end
end
return found
`;

/** ARGV: clock. Answers each host with the end and the reason of its block, and the runs that use it. */
const HOSTS = `
local found = {}
for _, host in ipairs(call('SMEMBERS', S .. 'hosts')) do
  local until_ms, reason, failures = unpack(call('HMGET', S .. 'host:' .. host, 'until', 'reason', 'failures'))
  local using = in_flight(host)
  local blocked = until_ms and tonumber(until_ms) > now
  if blocked or using > 0 then
    found[#found + 1] = { host, blocked and until_ms or '', reason or '', using }
  elseif not failures then
    call('SREM', S .. 'hosts', host)
    call('DEL', S .. 'host:' .. host)
  end
end
return found
`;

/** ARGV: clock, lease, holder, milliseconds */
const TAKE_LEASE = `
local holder, ends = unpack(call('HMGET', S .. 'lease:' .. ARGV[2], 'holder', 'ends'))
-- One that ends later than a new one would is from before the clock was set back.
if holder and holder ~= ARGV[3] and tonumber(ends) > now and tonumber(ends) <= now + tonumber(ARGV[4]) then return 0 end
call('HSET', S .. 'lease:' .. ARGV[2], 'holder', ARGV[3], 'ends', int(now + tonumber(ARGV[4])))
return 1
`;

/** ARGV: clock, lease, holder */
const DROP_LEASE = `
if call('HGET', S .. 'lease:' .. ARGV[2], 'holder') == ARGV[3] then call('DEL', S .. 'lease:' .. ARGV[2]) end
return 1
`;

export type ScheduleScriptName =
  | "takeWaking"
  | "lookAgain"
  | "retire"
  | "beat"
  | "leave"
  | "processes"
  | "hosts"
  | "takeLease"
  | "dropLease";

export const SCHEDULE_SCRIPTS: Readonly<Record<ScheduleScriptName, string>> = Object.freeze({
  takeWaking: PRELUDE + TAKE_WAKING,
  lookAgain: PRELUDE + LOOK_AGAIN,
  retire: PRELUDE + RETIRE,
  beat: PRELUDE + BEAT,
  leave: PRELUDE + LEAVE,
  processes: PRELUDE + PROCESSES,
  hosts: PRELUDE + HOSTS,
  takeLease: PRELUDE + TAKE_LEASE,
  dropLease: PRELUDE + DROP_LEASE,
});
