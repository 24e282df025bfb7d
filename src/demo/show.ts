import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Daemon, startDaemon } from '../daemon.js'
import { HangdogError } from '../errors.js'
import { freePort } from '../free-port.js'
import { milliseconds, seconds } from '../time.js'
import { acceptsConnections, askService, EventWatch, untilAnswered } from './stage.js'

const limit = seconds(5)

/** Prints the lines of the show. */
export interface Narrator {
  say(text: string): void
  /** A step that was observed. */
  observed(text: string): void
}

/** Plays the main job with a real web service. Returns only when every step was observed. @throws HangdogError when one was not */
export async function playDemo(narrator: Narrator): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hangdog-demo-'))
  const port = await freePort()
  const watch = new EventWatch()
  const daemon = await startDaemon({
    instance: 'demo',
    stateDirectory: directory,
    dryRun: false,
    stdin: 'ignore',
    logFormat: 'none',
    sinks: [watch],
    services: [
      {
        name: 'web',
        command: process.execPath,
        args: [fileURLToPath(new URL('./web-service.js', import.meta.url))],
        environment: { PORT: String(port) },
        heartbeat: 'node',
        output: 'file',
        ownGroup: false,
        policy: { heartbeatTimeout: limit, terminateTimeout: milliseconds(2000), restart: { mode: 'on-failure' } },
      },
    ],
  })
  try {
    await hangAndRecover({ daemon, watch, port, narrator })
    await stopAndGoOn({ daemon, watch, port, narrator })
  } finally {
    await daemon.close('the demo is over')
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Stage {
  readonly daemon: Daemon
  readonly watch: EventWatch
  readonly port: number
  readonly narrator: Narrator
}

async function hangAndRecover({ watch, port, narrator }: Stage): Promise<void> {
  const { say, observed } = narrator
  const first = await untilAnswered(port, 15_000)
  observed(`An Express service runs under hangdog as pid ${first} and answers on port ${port}.`)
  const armed = await watch.next('service-armed', 0, 10_000)
  observed(`It beats from its event loop, without a change to its code. ${armed.message}`)

  say('')
  say('Now a request runs into a bug: GET /report/-1 never comes out of its loop.')
  const from = watch.seen.length
  void askService(port, '/report/-1', 60_000)
  const silentFrom = performance.now()
  if ((await askService(port, '/', 1500)) !== undefined) throw new HangdogError('internal', 'the service still answers')
  if (!(await acceptsConnections(port))) throw new HangdogError('internal', 'the port does not accept any more')
  observed('The process is up and its port accepts connections, but nobody gets an answer: up and useless.')
  const warning = await watch.next('silence-warning', from, 20_000)
  observed(`Warning: ${warning.message}`)
  const hang = await watch.next('hang-recovery', from, 20_000)
  observed(`Found after ${((performance.now() - silentFrom) / 1000).toFixed(1)} s: event ${hang.id}. ${hang.message}`)
  const explained = await watch.next('hang-explained', from, 20_000)
  if (!explained.message.includes('addUpRows')) {
    throw new HangdogError('internal', `the cause does not name the loop: ${explained.message}`)
  }
  observed(`Explained: ${explained.message}`)
  const gone = await watch.next('terminate-proven', from, 20_000)
  observed(`Terminated, and proven: ${gone.message}`)
  const second = await untilAnswered(port, 20_000)
  if (second === first) throw new HangdogError('internal', 'the same process answers again')
  observed(`Restarted: pid ${second} answers on port ${port}.`)
  const closed = await watch.next('incident-closed', from, 20_000)
  if (closed.parameters.outcome !== 'recovered')
    throw new HangdogError('internal', `the incident ended as "${closed.parameters.outcome}"`)
  say(`  Incident ${closed.parameters.incident} is closed: ${closed.parameters.outcome}.`)
}

async function stopAndGoOn({ daemon, watch, port, narrator }: Stage): Promise<void> {
  const { say, observed } = narrator
  say('')
  say(
    'Now the service is only stopped (SIGSTOP), as a debugger or an operator would do. It is silent again, but it is not hung.',
  )
  const service = daemon.supervisor.service('web')
  const pid = service.process?.identity.pid
  if (pid === undefined) throw new HangdogError('internal', 'the service does not run')
  const from = watch.seen.length
  process.kill(pid, 'SIGSTOP')
  const held = await watch.next('hold-started', from, 20_000)
  observed(`Held, not killed: ${held.message}`)
  process.kill(pid, 'SIGCONT')
  await watch.next('hold-ended', from, 20_000)
  if ((await untilAnswered(port, 10_000)) !== pid) throw new HangdogError('internal', 'another process answers')
  observed(`It goes on as pid ${pid} and answers. Restarts so far: ${service.lifecycle.restarts.total}.`)
}
