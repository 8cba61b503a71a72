-- The requests of a benchmark, for wrk: each caller in turn, with its own path and token.
--   wrk … -s predict.lua URL -- CALLERS BODY [KEY]
-- CALLERS has a line "path token" for each (the token may be missing), BODY is sent every time. With KEY each
-- request has an Idempotency-Key of its own that begins with it. Ends with a line of JSON.

local callers, made, beginning = {}, 0, nil

function init(args)
  local file = io.open(args[2])
  local body = file:read("*a")
  file:close()
  beginning = args[3]
  for line in io.lines(args[1]) do
    local path, token = line:match("^(%S+) ?(%S*)$")
    local headers = { ["Content-Type"] = "application/json" }
    if token ~= "" then headers["Authorization"] = "Bearer " .. token end
    local caller = { path = path, headers = headers, body = body }
    caller.request = wrk.format("POST", path, headers, body)
    table.insert(callers, caller)
  end
end

function request()
  made = made + 1
  local caller = callers[made % #callers + 1]
  if not beginning then return caller.request end
  caller.headers["Idempotency-Key"] = beginning .. made
  return wrk.format("POST", caller.path, caller.headers, caller.body)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answers": %d, "seconds": %f, "median_ms": %f, "p99_ms": %f, "refused": %d, "lost": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
