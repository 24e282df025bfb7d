import { existsSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { HeartbeatClient } from '../../heartbeat/client.js'
import { freeInspectorPort } from '../../heartbeat/inspector-port.js'

/** What every service of the kit is told. */
export interface ServiceOrder {
  /** For its files. */
  readonly folder: string
  readonly intervalMs: number
  /** True from the moment on at which the service is to hang. Removes the trigger. */
  isDue(): boolean
}

/** One unit of work, which hangs when it is ordered to. */
export type Work = (order: ServiceOrder) => Promise<void> | void

/** Works unit by unit, and beats after each. Ends in order on SIGTERM, as most services do. */
export async function serve(work: Work): Promise<void> {
  const heartbeat = new HeartbeatClient(process.env)
  const order = readOrder()
  freeInspectorPort()
  process.on('SIGTERM', () => process.exit(0))
  heartbeat.ready()
  // Keeps the program alive while it waits for work that is lost.
  setInterval(() => {}, 60_000)
  for (;;) {
    await work(order)
    heartbeat.beat()
    await sleep(order.intervalMs)
  }
}

/** The same for the main thread and for workers. */
export function readOrder(args = process.argv.slice(2)): ServiceOrder {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: { folder: text, trigger: text, 'interval-ms': text, 'after-ms': text },
  })
  const due = performance.now() + Number(values['after-ms'] ?? Number.POSITIVE_INFINITY)
  const { trigger } = values
  return {
    folder: values.folder ?? '.',
    intervalMs: Number(values['interval-ms'] ?? 50),
    isDue: () => {
      if (trigger === undefined || !existsSync(trigger)) return performance.now() >= due
      rmSync(trigger, { force: true })
      return true
    },
  }
}
