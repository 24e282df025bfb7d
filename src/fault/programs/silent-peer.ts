import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Answers each line but one, and ends with the process that started it. */
const program = `
  const server = require('node:net').createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (line) => { if (String(line) !== 'lost\\n') socket.write('42\\n') })
  })
  server.listen(0, '127.0.0.1', () => process.stdout.write(String(server.address().port)))
  process.stdin.on('end', () => process.exit()).resume()
`

/** Starts a process that others talk to over TCP. @returns its port */
export async function startPeer(): Promise<number> {
  // The preload would make it beat for the service.
  const peer = spawn(process.execPath, ['-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const [port] = await once(peer.stdout, 'data')
  return Number(String(port))
}
