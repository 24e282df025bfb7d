// A liveness probe as the kubelet makes it: GET every periodSeconds, each with timeoutSeconds; 200 to 399 is a success;
// failureThreshold failures in a row end the container by SIGTERM and, after the grace period, SIGKILL. All are whole seconds.
// Before the first failure counts, one success is awaited, as a startup probe does.
//
// usage: http-probe.mjs THRESHOLD PORT COMMAND [ARG...]. Period and timeout are 1 s. Tells on stderr: armed, acted, gone.
import { spawn } from 'node:child_process'
import { get } from 'node:http'

const [threshold, port, command, ...args] = process.argv.slice(2)
const failureThreshold = Number(threshold)
const periodMs = 1000
const timeoutMs = 1000
const graceMs = 30_000
const tell = (what) => process.stderr.write(`${JSON.stringify({ ...what, at: Date.now() })}\n`)

const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
child.on('exit', () => {
  tell({ kind: 'gone' })
  process.exit(0)
})
process.on('SIGTERM', () => child.kill('SIGKILL'))

let started = false
let failures = 0
let probing = false
let ended = false
setInterval(async () => {
  // A tick that comes while a probe runs is dropped.
  if (probing || ended) return
  probing = true
  const healthy = await probe()
  probing = false
  if (healthy) {
    if (!started) tell({ kind: 'armed', pid: child.pid })
    started = true
    failures = 0
  } else if (started) {
    failures++
    if (failures >= failureThreshold) end()
  }
}, periodMs)

function probe() {
  return new Promise((resolve) => {
    const options = {
      host: '127.0.0.1',
      port,
      path: '/',
      headers: { 'User-Agent': 'kube-probe/1.30', Connection: 'close' },
    }
    const request = get(options, (response) => {
      clearTimeout(limit)
      response.resume()
      resolve(response.statusCode >= 200 && response.statusCode < 400)
    })
    request.on('error', () => resolve(false))
    const limit = setTimeout(() => request.destroy(new Error('no answer in time')), timeoutMs)
    request.on('close', () => clearTimeout(limit))
  })
}

function end() {
  ended = true
  tell({ kind: 'acted', what: `liveness probe failed ${failures} times in a row: SIGTERM` })
  child.kill('SIGTERM')
  setTimeout(() => child.kill('SIGKILL'), graceMs).unref()
}
