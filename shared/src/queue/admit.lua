-- Fragment of take: whether the next job may run now. The seam at which breaker, budget and limiter are asked, together
-- with the job being taken and in the same step, so that no worker ever holds a job that it may not run.

-- Returns nil when it may, else {wait_ms, why}. Nothing limits a job yet.
local function admit(_now, _id) return nil end
