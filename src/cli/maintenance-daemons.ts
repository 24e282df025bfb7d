import { callControl } from '../control/client.js'
import { type LiveInstance, liveInstances } from '../control/instances.js'
import type { ControlMethods } from '../control/protocol.js'
import { layOutStateDirectory } from '../state-directory.js'
import { askStatus } from './daemons.js'
import type { Output } from './output.js'

/** Ms; a change waits for other writers and for the disk. */
const patience = 15_000

/**
 * The hangdogs to ask about a service, or about all: those that watch it. None when no hangdog answers with the state directory, which may
 * not even be there; those that do not answer are named on stderr.
 * @throws HangdogError `usage` when hangdogs answer and none watches the service
 */
export async function findMaintainers(
  path: string | undefined,
  service: string | undefined,
  output: Output,
): Promise<readonly LiveInstance[]> {
  const { live, silent } = await liveInstances(layOutStateDirectory(path))
  for (const { name, reason } of silent) {
    output.note(`instance "${name}" does not answer and learns of changes when it runs again: ${reason}`)
  }
  if (live.length === 0 || service === undefined) return live
  const watching = new Set((await askStatus(live, service)).map(({ instance }) => instance))
  return live.filter(({ name }) => watching.has(name))
}

/** Asks one after the other: they share one file, and the first that refuses does so before anything has changed. */
export async function askEach<Method extends keyof ControlMethods>(
  live: readonly LiveInstance[],
  method: Method,
  params: ControlMethods[Method]['params'],
): Promise<readonly { readonly instance: string; readonly result: ControlMethods[Method]['result'] }[]> {
  const answers = []
  for (const { name, path } of live) {
    answers.push({ instance: name, result: await callControl(path, method, params, patience) })
  }
  return answers
}
