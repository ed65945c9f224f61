/**
 * The atomic steps of the Redis route store, as Lua.
 *
 * All keys begin with `KEYS[1]`, which carries the hash tag of the queue's prefix, so they lie in one slot of a
 * cluster although the scripts compute them. `ARGV[1]` replaces the server's clock when it is not empty.
 *
 * Keys: `route:ID` hash · `hints:ID` list · `reports:ID` list of run ids · `report:RUN` text · `open:ID` sorted
 * set of jobs that are not finished · `jobs-of:ID` · `target:KEY` set of routes · `routes`, `jobs`, `jobs:STATE`
 * sorted sets in lexical order · `job:ID` hash · `pending:TENANT` set of jobs that wait · `cancels` set of runs ·
 * `lanes` set · `configured` hash of routes and digests · `wake` sorted set of routes by the time at which the
 * sweep has to look · `delivery:ROUTE:ID` text · `host:HOST` hash · `using:HOST` hash of runs and workers · `hosts`
 * set · `pushes:TARGET` list of times · `untold` set of routes · `secrets` hash of credentials and marks · `server`
 * text: the life of the server that is settled.
 */

import { PRELUDE } from "./redis-script-prelude.ts";
import { SCHEDULE_SCRIPTS, type ScheduleScriptName } from "./redis-schedule-scripts.ts";
import { FAILURES_TO_OPEN, FULL_MS, PROBE_MS, PUSH_WINDOW_MS } from "./host-rules.ts";
import { FINISH_RUN } from "./redis-finish-run.ts";
import { DELIVERY_KEEP_MS } from "./waking.ts";

/** ARGV: clock, route, definition, target, tenant, milliseconds to keep it or 0, digest when it is configured or '', hosts */
const PUT = `
local id, target, keep = ARGV[2], ARGV[4], tonumber(ARGV[6])
local key, digest = route_key(id), ARGV[7]
local before, definition, retired = unpack(call('HMGET', key, 'target', 'def', 'retired'))
if before and before ~= target then call('SREM', S .. 'target:' .. before, id) end
call('HSET', route_key(id), 'def', ARGV[3], 'target', target, 'tenant', ARGV[5], 'keep', ARGV[6],
  'hosts', ARGV[8])
if retired then
  call('HDEL', key, 'retired')
  for _, kind in ipairs(ROUTE_KEYS) do call('PERSIST', S .. kind .. id) end
  for _, run in ipairs(call('LRANGE', S .. 'reports:' .. id, 0, -1)) do call('PERSIST', S .. 'report:' .. run) end
end
if keep > 0 then keep_alive(id, keep) else call('PERSIST', key) end
if digest ~= '' then
  call('HSET', S .. 'configured', id, digest)
  if retired or definition ~= ARGV[3] then
    call('HSET', key, 'configured', '1', 'dueAt', int(now))
    call('HDEL', key, 'quarantine', 'notBefore')
    wake(id)
    -- What changed is looked at now, whatever the queue is doing for it.
    if call('ZSCORE', S .. 'wake', id) then call('ZADD', S .. 'wake', int(now), id) end
  end
end
call('SADD', S .. 'target:' .. target, id)
call('ZADD', S .. 'routes', 0, id)
return 1
`;

/** ARGV: clock, route, job, lane, trigger, token, hint, '1' for news, hints that are kept, delivery or '', next due time or '' */
const HINT = `
local id, job, lane, trigger, token = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local key = route_key(id)
if not exists(id) then return false end
local requested, synced, paused, started, tenant, target, keep, run = unpack(call('HMGET', key,
  'requested', 'synced', 'paused', 'lastStartedAt', 'tenant', 'target', 'keep', 'runId'))
local dirty = requested and requested ~= synced
local at = math.max(now, tonumber(started) or 0)
call('HSET', key, 'requested', token, 'requestedAt', int(at))
if not dirty then call('HSET', key, 'firstUnsyncedAt', int(at)) end
if run then call('HSETNX', key, 'firstSinceStart', int(at)) end
if ARGV[8] == '1' then call('HDEL', key, 'notBefore') end
if ARGV[11] ~= '' then call('HSET', key, 'dueAt', ARGV[11]) end
local redelivered = 0
if ARGV[10] ~= '' then
  local known = S .. 'delivery:' .. id .. ':' .. ARGV[10]
  if not call('SET', known, '1', 'NX', 'PX', ${DELIVERY_KEEP_MS}) then redelivered = 1 end
end
local hint = cjson.decode(ARGV[7])
hint.at = at
call('RPUSH', S .. 'hints:' .. id, cjson.encode(hint))
call('LTRIM', S .. 'hints:' .. id, -tonumber(ARGV[9]), -1)
call('SADD', S .. 'lanes', lane)
local state = 'waiting'
local found
for _, open in ipairs(call('ZRANGE', S .. 'open:' .. id, 0, -1)) do
  local its = call('HGET', job_key(open), 'state')
  if its == 'waiting' or its == 'delayed' then found, state = open, its end
end
if found then
  if state == 'delayed' and ARGV[8] == '1' then
    state = 'waiting'
    set_job_state(found, state)
  end
else
  found = job
  call('HSET', job_key(job), 'id', job, 'route', id, 'target', target, 'lane', lane, 'trigger', trigger,
    'tenant', tenant, 'state', 'waiting', 'attempt', '0', 'createdAt', int(now), 'requestedAt', int(at))
  call('ZADD', S .. 'open:' .. id, 0, job)
  call('ZADD', S .. 'jobs', 0, job)
  call('ZADD', S .. 'jobs-of:' .. id, 0, job)
  set_job_state(job, 'waiting')
end
if tonumber(keep) > 0 then keep_alive(id, tonumber(keep)) end
wake(id)
return { found, state, int(at), dirty and 1 or 0, paused == '1' and 1 or 0, target,
  call('SCARD', S .. 'pending:' .. tenant), redelivered }
`;

/** ARGV: clock, target, run, worker, attempt, skipped routes, reports that are kept, wait after a cancellation, its reason, known routes, host limits, pushes per minute */
const START_RUN = `
local target, run, worker, attempt = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local skipped = {}
for _, id in ipairs(cjson.decode(ARGV[6])) do skipped[id] = true end
local known = {}
for _, id in ipairs(cjson.decode(ARGV[10])) do known[id] = true end
local host_limits, pushes_per_minute = cjson.decode(ARGV[11]), cjson.decode(ARGV[12])
local held_until
local foreign = ''

-- When the hosts of a route and its target may be used; nothing when that is now.
local function held_by_hosts(hosts)
  local wait
  for index, host in ipairs(hosts) do
    local until_ms = tonumber(call('HGET', S .. 'host:' .. host, 'until') or '') or 0
    local limit = host_limits[host]
    if until_ms <= now and limit and in_flight(host) >= limit then until_ms = now + ${FULL_MS} end
    local pushes = index == #hosts and pushes_per_minute[host]
    if pushes then
      local at = tonumber(call('LINDEX', S .. 'pushes:' .. target, -pushes) or '') or 0
      until_ms = math.max(until_ms, at + ${PUSH_WINDOW_MS})
    end
    if until_ms > now then wait = math.max(wait or 0, until_ms) end
  end
  return wait
end

-- A host that failed too often is tried by one run; the others wait for what that one finds.
local function enter_hosts(hosts)
  for _, host in ipairs(hosts) do
    local failures = tonumber(call('HGET', S .. 'host:' .. host, 'failures') or '') or 0
    if failures >= ${FAILURES_TO_OPEN} then block_host(host, now + ${PROBE_MS}, 'unreachable') end
    call('SADD', S .. 'hosts', host)
    call('HSET', S .. 'using:' .. host, run, worker)
  end
end

local ready = {}
for _, id in ipairs(call('SMEMBERS', S .. 'target:' .. target)) do
  local requested, synced, paused, not_before, first, configured, hosts = unpack(call('HMGET', route_key(id),
    'requested', 'synced', 'paused', 'notBefore', 'firstUnsyncedAt', 'configured', 'hosts'))
  if call('EXISTS', route_key(id)) == 0 then
    call('SREM', S .. 'target:' .. target, id)
  elseif requested and requested ~= synced and paused ~= '1' then
    local wait = tonumber(not_before)
    if wait and wait > now then
      -- Its own time has not come.
    elseif configured and not known[id] then
      foreign = '1'
    else
      hosts = cjson.decode(hosts or '[]')
      local held = held_by_hosts(hosts)
      if held then
        if not held_until or held < held_until then held_until = held end
      elseif not skipped[id] then
        ready[#ready + 1] = { id = id, first = tonumber(first) or 0, hosts = hosts }
      end
    end
  end
end
table.sort(ready, function(a, b) if a.first ~= b.first then return a.first < b.first end return a.id < b.id end)
for _, candidate in ipairs(ready) do
  local id = candidate.id
  local key = route_key(id)
  -- The worker that was to stop these died first.
  local stopped = 0
  for _, job in ipairs(call('ZRANGE', S .. 'open:' .. id, 0, -1)) do
    if call('HGET', job_key(job), 'cancel') == '1' then
      stopped = stopped + 1
      cancel_unstarted(job, run .. '-' .. stopped, tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9])
    end
  end
  local jobs = call('ZRANGE', S .. 'open:' .. id, 0, -1)
  if stopped == 0 or #jobs > 0 then
    local requested, requested_at, definition, changed_at, quarantine, approved = unpack(call('HMGET', key,
      'requested', 'requestedAt', 'def', 'lastChangeAt', 'quarantine', 'approved'))
    local at = math.max(now, tonumber(requested_at) + 1)
    local before = call('HGET', key, 'runId')
    if before then leave_hosts(before, candidate.hosts) end
    enter_hosts(candidate.hosts)
    call('HSET', key, 'runId', run, 'workerId', worker, 'runJob', jobs[1] or '', 'runStartedAt', int(at), 'lastStartedAt', int(at))
    call('HDEL', key, 'progress', 'firstSinceStart', 'notBefore', 'lookAt')
    for _, job in ipairs(jobs) do
      set_job_state(job, 'active')
      call('HSET', job_key(job), 'attempt', attempt, 'startedAt', int(at), 'runId', run)
    end
    local hints = call('LRANGE', S .. 'hints:' .. id, 0, -1)
    call('DEL', S .. 'hints:' .. id)
    wake(id)
    return { 'run', definition, requested, int(at), call('HINCRBY', key, 'starts', 1), jobs, hints,
      changed_at or '', quarantine or '[]', approved or '' }
  end
end
return { 'idle', held_until and int(held_until - now) or '', foreign }
`;

/** ARGV: clock, target, pushes in a window, '1' to count one. Answers how long it has to wait. */
const PUSH_WAIT = `
local key, most = S .. 'pushes:' .. ARGV[2], tonumber(ARGV[3])
local at = tonumber(call('LINDEX', key, -most) or '')
if at and at + ${PUSH_WINDOW_MS} > now then return int(at + ${PUSH_WINDOW_MS} - now) end
if ARGV[4] == '1' then
  call('RPUSH', key, int(now))
  call('LTRIM', key, -math.max(1000, most), -1)
  call('PEXPIRE', key, ${PUSH_WINDOW_MS})
end
return '0'
`;

/** ARGV: clock, route, run, progress */
const PROGRESS = `
if call('HGET', route_key(ARGV[2]), 'runId') == ARGV[3] then call('HSET', route_key(ARGV[2]), 'progress', ARGV[4]) end
return 1
`;

/** ARGV: clock, job, run id of its report, reports that are kept, wait, reason */
const CANCEL_JOB = `
local id = ARGV[2]
local state, route, run = unpack(call('HMGET', job_key(id), 'state', 'route', 'runId'))
if not state then return 'missing' end
if state == 'active' then
  call('HSET', job_key(id), 'cancel', '1')
  call('SADD', S .. 'cancels', run)
  return 'stopping'
end
if state ~= 'waiting' and state ~= 'delayed' then return 'finished' end
cancel_unstarted(id, ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6])
return 'cancelled'
`;

/** ARGV: clock, route, '1' or '' */
const SET_PAUSED = `
if not exists(ARGV[2]) then return 0 end
call('HSET', route_key(ARGV[2]), 'paused', ARGV[3])
wake(ARGV[2])
return 1
`;

/** ARGV: clock, route, condition */
const MARK_TOLD = `
if call('EXISTS', route_key(ARGV[2])) == 0 then
  call('SREM', S .. 'untold', ARGV[2])
else
  call('HSET', route_key(ARGV[2]), 'told', ARGV[3])
  tell(ARGV[2])
end
return 1
`;

/** ARGV: clock, route, plan */
const APPROVE = `
if not exists(ARGV[2]) then return 0 end
call('HSET', route_key(ARGV[2]), 'approved', ARGV[3])
return 1
`;

const NOW = `return int(now)`;

export type ScriptName =
  | "now"
  | "put"
  | "hint"
  | "setPaused"
  | "approve"
  | "markTold"
  | "startRun"
  | "pushWait"
  | "progress"
  | "finishRun"
  | "cancelJob"
  | ScheduleScriptName;

/** Each script is complete in itself. */
export const SCRIPTS: Readonly<Record<ScriptName, string>> = Object.freeze({
  now: PRELUDE + NOW,
  put: PRELUDE + PUT,
  hint: PRELUDE + HINT,
  setPaused: PRELUDE + SET_PAUSED,
  approve: PRELUDE + APPROVE,
  markTold: PRELUDE + MARK_TOLD,
  startRun: PRELUDE + START_RUN,
  pushWait: PRELUDE + PUSH_WAIT,
  progress: PRELUDE + PROGRESS,
  finishRun: PRELUDE + FINISH_RUN,
  cancelJob: PRELUDE + CANCEL_JOB,
  ...SCHEDULE_SCRIPTS,
});
