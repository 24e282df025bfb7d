import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import type { EventName } from '../../src/event/catalogue.js'
import { fixture, type Hangdog, hangdog, stateDirectory, until } from './hangdog.js'

export const client = ['python3', fixture('notify.py'), 'inf'] as const
export const limits = [
  '--heartbeat',
  'notify',
  '--timeout',
  '1s',
  '--action',
  'terminate',
  '--evidence-timeout',
  '0s',
] as const
const block = pathToFileURL(fileURLToPath(new URL('../fixtures/hangdog/block.mjs', import.meta.url))).href

export interface Blockable {
  readonly directory: string
  readonly environment: NodeJS.ProcessEnv
  /** Blocks hangdog's JavaScript. Resolves when it is blocked. */
  block(ran: Hangdog, span: number): Promise<void>
}

export function blockable(t: Test): Blockable {
  const directory = stateDirectory(t)
  const order = join(directory, 'block')
  return {
    directory,
    environment: { NODE_OPTIONS: `--import=${block}`, HANGDOG_TEST_BLOCK: order },
    async block(ran, span) {
      writeFileSync(order, String(span))
      await until(() => (ran.stderr.includes('"blocked"') ? true : undefined), 'block')
    },
  }
}

/** The present process of the service. */
export function pidOf(ran: Hangdog, service?: string): number {
  const started = ran.events.filter(
    (event) => event.name === 'service-started' && (service ?? event.service) === event.service,
  )
  return Number(started.at(-1)?.parameters.pid)
}

export const count = (ran: Hangdog, name: EventName): number => ran.events.filter((event) => event.name === name).length

export async function incidents(t: Test, directory: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { stdout } = await hangdog(t, ['incident', 'list', '--json', '--state-dir', directory])
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}
