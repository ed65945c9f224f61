/** The script that records how a run ended: of its route, its jobs, and the hosts it spoke to. */

import { FAILURES_TO_OPEN, FIRST_PAUSE_MS, LONGEST_PAUSE_MS } from "./host-rules.ts";

/** ARGV: clock, route, run, report, end, error, token, reports that are kept, kept ms of completed jobs, of others, jobs that are kept */
export const FINISH_RUN: string = `
local id, run, fin, token = ARGV[2], ARGV[3], cjson.decode(ARGV[5]), ARGV[7]
local key = route_key(id)
local found = fin.hosts or {}
for _, host in ipairs(found.answered or {}) do
  if call('HDEL', S .. 'host:' .. host, 'failures') == 1 and call('HGET', S .. 'host:' .. host, 'reason') == 'unreachable' then
    call('DEL', S .. 'host:' .. host)
  end
end
if found.failed then
  local failures = call('HINCRBY', S .. 'host:' .. found.failed, 'failures', 1)
  if failures >= ${FAILURES_TO_OPEN} then
    local pause = ${FIRST_PAUSE_MS} * 2 ^ math.min(failures - ${FAILURES_TO_OPEN}, 20)
    -- What was waited for is over: the probe's own block ends here, too.
    if call('HGET', S .. 'host:' .. found.failed, 'reason') == 'unreachable' then
      call('HDEL', S .. 'host:' .. found.failed, 'until')
    end
    block_host(found.failed, now + math.min(pause, ${LONGEST_PAUSE_MS}), 'unreachable')
  end
end
if found.blocked then
  local name = found.blocked.host
  if found.blocked.credential then name = found.blocked.credential .. '@' .. name end
  block_host(name, now + found.blocked.ms, 'rate-limited')
end
if call('EXISTS', key) == 0 then return 0 end
leave_hosts(run, cjson.decode(call('HGET', key, 'hosts') or '[]'))
local function request_again()
  local requested, synced = unpack(call('HMGET', key, 'requested', 'synced'))
  if requested == synced then call('HSET', key, 'firstUnsyncedAt', int(now)) end
  call('HSET', key, 'requested', token)
  wake(id)
end
if call('HGET', key, 'runId') ~= run then
  if fin.requestAgain then request_again() end
  return 0
end
local hinted = call('HGET', key, 'firstSinceStart')
call('HDEL', key, 'runId', 'workerId', 'runJob', 'runStartedAt', 'progress', 'firstSinceStart')
call('SREM', S .. 'cancels', run)
if fin.synced then
  call('HSET', key, 'synced', fin.synced)
  if call('HGET', key, 'requested') == fin.synced then
    call('HDEL', key, 'firstUnsyncedAt')
  elseif hinted then
    call('HSET', key, 'firstUnsyncedAt', hinted)
  end
end
if fin.requestAgain then request_again() end
if fin.condition then
  call('HSET', key, 'condition', fin.condition)
  tell(id)
end
if fin.failures == 'reset' then
  call('HSET', key, 'failures', '0')
  call('HDEL', key, 'lastError')
elseif fin.failures == 'count' then
  call('HINCRBY', key, 'failures', 1)
end
if fin.failures ~= 'keep' and ARGV[6] ~= '' then call('HSET', key, 'lastError', ARGV[6]) end
if fin.condition == 'ok' then call('HSET', key, 'lastSuccessAt', int(now)) end
call('HSET', key, 'starts', int(fin.starts or 0))
if fin.waitMs and not hinted then call('HSET', key, 'notBefore', int(now + fin.waitMs)) end
if fin.nextDueAt then call('HSET', key, 'dueAt', int(fin.nextDueAt)) end
if fin.synced then call('HDEL', key, 'approved') end
if fin.changed then call('HSET', key, 'lastChangeAt', int(now)) else call('HSETNX', key, 'lastChangeAt', int(now)) end
if fin.quarantine then call('HSET', key, 'quarantine', fin.quarantine) end
wake(id)
for _, job in ipairs(call('ZRANGE', S .. 'open:' .. id, 0, -1)) do
  if call('HGET', job_key(job), 'runId') == run and call('HGET', job_key(job), 'state') == 'active' then
    set_job_state(job, fin.jobState)
  end
end
record_report(id, run, ARGV[4], tonumber(ARGV[8]))
trim_jobs('completed', tonumber(ARGV[9]), tonumber(ARGV[11]))
trim_jobs('failed', tonumber(ARGV[10]), tonumber(ARGV[11]))
trim_jobs('waiting', 0, 0)
trim_jobs('delayed', 0, 0)
trim_jobs('cancelled', tonumber(ARGV[10]), tonumber(ARGV[11]))
return 1
`;
