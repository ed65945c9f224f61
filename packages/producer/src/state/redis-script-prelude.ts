/** What the scripts of the Redis route store share: the clock, the names of keys, the steps on jobs and reports. */

import { SILENT_MS } from "./fleet-store.ts";
import { LEFT_TO_QUEUE_MS } from "./waking.ts";

/** Goes before each script. Defines `S`, `now`, `int` and the functions below. */
export const PRELUDE: string = `
local S = KEYS[1] .. ':'
local call = redis.call
local now = tonumber(ARGV[1])
if not now then
  local t = call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
local function int(n) return string.format('%.0f', n) end
local function route_key(id) return S .. 'route:' .. id end
local function job_key(id) return S .. 'job:' .. id end

local function set_job_state(id, state)
  local old, route, tenant = unpack(call('HMGET', job_key(id), 'state', 'route', 'tenant'))
  if not old then return end
  call('ZREM', S .. 'jobs:' .. old, id)
  call('ZADD', S .. 'jobs:' .. state, 0, id)
  call('HSET', job_key(id), 'state', state)
  if state == 'waiting' or state == 'delayed' then
    call('SADD', S .. 'pending:' .. tenant, id)
  else
    call('SREM', S .. 'pending:' .. tenant, id)
  end
  if state == 'completed' or state == 'failed' or state == 'cancelled' then
    call('HSET', job_key(id), 'finishedAt', int(now))
    call('ZREM', S .. 'open:' .. route, id)
  end
end

local ROUTE_KEYS = { 'route:', 'hints:', 'reports:', 'open:', 'jobs-of:' }

local function keep_alive(id, ttl)
  if ttl <= 0 then return end
  for _, kind in ipairs(ROUTE_KEYS) do call('PEXPIRE', S .. kind .. id, ttl) end
end

local function exists(id)
  return call('EXISTS', route_key(id)) == 1 and not call('HGET', route_key(id), 'retired')
end

local function live(worker)
  local beat = tonumber(call('ZSCORE', S .. 'beats', worker) or '')
  return beat and beat >= now - ${SILENT_MS} and beat <= now + ${SILENT_MS}
end

-- The longest wait wins.
local function block_host(host, until_ms, reason)
  local key = S .. 'host:' .. host
  call('SADD', S .. 'hosts', host)
  if until_ms > (tonumber(call('HGET', key, 'until') or '') or 0) then
    call('HSET', key, 'until', int(until_ms), 'reason', reason)
  end
end

-- Runs of live workers that use a host. What dead ones left is forgotten.
local function in_flight(host)
  local count = 0
  local uses = call('HGETALL', S .. 'using:' .. host)
  for i = 1, #uses, 2 do
    if live(uses[i + 1]) then count = count + 1 else call('HDEL', S .. 'using:' .. host, uses[i]) end
  end
  return count
end

local function leave_hosts(run, hosts)
  for _, host in ipairs(hosts) do call('HDEL', S .. 'using:' .. host, run) end
end

-- Enter whether people have to be told how a route is.
local function tell(id)
  local condition, told = unpack(call('HMGET', route_key(id), 'condition', 'told'))
  if condition and condition ~= (told or 'ok') then call('SADD', S .. 'untold', id) else call('SREM', S .. 'untold', id) end
end

-- Enter when the sweep has to look at a route; after every step that may change that.
local function wake(id)
  local requested, synced, paused, not_before, due, retired, look = unpack(call('HMGET', route_key(id),
    'requested', 'synced', 'paused', 'notBefore', 'dueAt', 'retired', 'lookAt'))
  local at
  if paused == '1' or retired then
    at = nil
  elseif requested and requested ~= synced then
    at = math.max(now + ${LEFT_TO_QUEUE_MS}, tonumber(not_before) or 0)
  else
    at = tonumber(due or look or '')
    if at and look then at = math.min(at, tonumber(look)) end
  end
  if at then call('ZADD', S .. 'wake', int(at), id) else call('ZREM', S .. 'wake', id) end
end

local function record_report(route, run, report, cap)
  call('LPUSH', S .. 'reports:' .. route, run)
  call('SET', S .. 'report:' .. run, report)
  while call('LLEN', S .. 'reports:' .. route) > cap do
    call('DEL', S .. 'report:' .. call('RPOP', S .. 'reports:' .. route))
  end
  local ttl = call('PTTL', route_key(route))
  if ttl > 0 then
    call('PEXPIRE', S .. 'report:' .. run, ttl)
    keep_alive(route, ttl)
  end
end

-- A job that is cancelled before it ran has a report too, so that whoever waits for it learns its end.
local function cancel_unstarted(id, run, cap, wait, reason)
  local route, requested_at, attempt = unpack(call('HMGET', job_key(id), 'route', 'requestedAt', 'attempt'))
  local at = math.max(now, tonumber(requested_at) + 1)
  call('HSET', job_key(id), 'runId', run)
  set_job_state(id, 'cancelled')
  record_report(route, run, cjson.encode({
    runId = run, jobId = id, route = route, attempt = tonumber(attempt), startedAt = at, finishedAt = at,
    outcome = 'cancelled', final = true, error = cjson.decode(reason)
  }), cap)
  if call('EXISTS', route_key(route)) == 1 and call('ZCARD', S .. 'open:' .. route) == 0 then
    local due = tonumber(call('HGET', route_key(route), 'dueAt') or '')
    call('HSET', route_key(route), 'notBefore', int(due and due > now and due or now + wait))
    wake(route)
  end
end

-- Finished jobs that are old or too many, and jobs that wait for a route that is forgotten.
local function trim_jobs(state, keep, max)
  for _ = 1, 20 do
    local id = call('ZRANGE', S .. 'jobs:' .. state, 0, 0)[1]
    if not id then return end
    local route, finished, tenant = unpack(call('HMGET', job_key(id), 'route', 'finishedAt', 'tenant'))
    local kept
    if finished then
      kept = tonumber(finished) > now - keep and call('ZCARD', S .. 'jobs:' .. state) <= max
    else
      kept = route and call('EXISTS', route_key(route)) == 1
    end
    if kept then return end
    call('SREM', S .. 'pending:' .. (tenant or ''), id)
    call('DEL', job_key(id))
    call('ZREM', S .. 'jobs:' .. state, id)
    call('ZREM', S .. 'jobs', id)
    if route then call('ZREM', S .. 'jobs-of:' .. route, id) end
  end
end
`;
