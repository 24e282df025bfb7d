// What anyone would write first: one setTimeout, started over on each beat; SIGKILL to the service when it fires. Hears the same lines
// on the same kind of socket as hangdog, so that the same services can be watched.
//
// usage: timeout-watchdog.mjs LIMIT_MS SOCKET COMMAND [ARG...]. Tells on stderr, a line of JSON each: armed, acted, gone.
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'

const [limit, path, command, ...args] = process.argv.slice(2)
const limitMs = Number(limit)
let timer
let child
const tell = (what) => process.stderr.write(`${JSON.stringify({ ...what, at: Date.now() })}\n`)

function beat() {
  if (timer === undefined) tell({ kind: 'armed', pid: child.pid })
  clearTimeout(timer)
  timer = setTimeout(() => {
    tell({ kind: 'acted', what: `no beat for ${limitMs} ms: SIGKILL` })
    child.kill('SIGKILL')
  }, limitMs)
}

createServer((socket) => {
  socket.on('error', () => undefined)
  socket.on('data', (data) => {
    for (const line of data.toString().split('\n')) if (line === 'WATCHDOG=1' || line === 'READY=1') beat()
  })
}).listen(path, () => {
  const env = { ...process.env, HANGDOG_SOCKET: path, HANGDOG_TOKEN: 'none', WATCHDOG_USEC: String(limitMs * 1000) }
  child = spawn(command, args, { env, stdio: ['ignore', 'inherit', 'inherit'] })
  child.on('exit', () => {
    clearTimeout(timer)
    tell({ kind: 'gone' })
    process.exit(0)
  })
})

process.on('SIGTERM', () => child?.kill('SIGKILL'))
