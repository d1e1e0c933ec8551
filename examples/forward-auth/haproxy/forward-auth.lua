-- Asks the login service about each request, before HAProxy forwards it.

local ADDRESS = "http://127.0.0.1:8080/forward-auth"
local TIMEOUT_MS = 10000

-- What the service needs of the request. HAProxy has the names in lower case.
local PASSED = {
  "accept", "cookie", "origin", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-websocket-key",
  "sec-websocket-version", "secure-session-skipped", "user-agent", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
}
local IDENTITY = { "remote-user", "remote-user-id", "remote-session-id" }
-- HAProxy sets these itself.
local HOP_BY_HOP = { connection = true, ["content-length"] = true, ["keep-alive"] = true, ["transfer-encoding"] = true }

-- The values of a header as a list that starts at 1. HAProxy counts from 0.
local function values_of(headers, name)
  local values = {}
  for index, value in pairs(headers[name] or {}) do
    values[index + 1] = value
  end
  return values
end

local function request_headers(txn)
  local received = txn.http:req_get_headers()
  local headers = {}
  for _, name in ipairs(PASSED) do
    local values = values_of(received, name)
    if #values > 0 then
      headers[name] = { table.concat(values, name == "cookie" and "; " or ", ") }
    end
  end
  headers["x-forwarded-method"] = { txn.f:method() }
  headers["x-forwarded-uri"] = { txn.f:pathq() }
  return headers
end

local function unavailable(txn)
  local reply = txn:reply({ status = 503, reason = "Service Unavailable" })
  reply:add_header("cache-control", "no-store")
  reply:add_header("retry-after", "5")
  reply:add_header("content-type", "text/html")
  reply:set_body("<!doctype html><title>Unavailable</title><p>The sign-in service does not answer. Try again soon.</p>")
  txn:done(reply)
end

-- The reply of the service: 303 to the sign-in page, 401, 403 or 503.
local function refuse(txn, response)
  local reply = txn:reply({ status = response.status, reason = response.reason })
  for name in pairs(response.headers) do
    if not HOP_BY_HOP[name] then
      for _, value in ipairs(values_of(response.headers, name)) do
        reply:add_header(name, value)
      end
    end
  end
  reply:set_body(response.body or "")
  txn:done(reply)
end

core.register_action("forward-auth", { "http-req" }, function(txn)
  local client = core.httpclient()
  local response = client:get({ url = ADDRESS, headers = request_headers(txn), timeout = TIMEOUT_MS })
  -- HAProxy itself answers 503 without Retry-After if the service does not answer.
  if response.status < 200 or (response.status == 503 and response.headers["retry-after"] == nil) then
    return unavailable(txn)
  end
  if response.status ~= 200 then
    return refuse(txn, response)
  end
  for _, name in ipairs(IDENTITY) do
    local value = values_of(response.headers, name)[1]
    if value == nil then
      return unavailable(txn)
    end
    txn.http:req_set_header(name, value)
  end
end)
