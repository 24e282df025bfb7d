import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { longestSocketPath } from '../endpoint.js'
import { describeError, HangdogError } from '../errors.js'
import type { Capability } from '../platform/platform.js'
import { selectPlatform } from '../platform/select.js'
import { findDefinition } from '../property/definitions.js'
import { resolveProperty } from '../property/resolution.js'
import type { PropertySnapshot } from '../property/store.js'
import { currentName, previousName, readStore, type StoreReading } from '../property/store-reader.js'
import { layOutStateDirectory, openStateDirectory, type StateDirectory } from '../state-directory.js'
import { examineWatchers } from './watcher-health.js'

/** What one look found. Field names are stable. */
export interface Check {
  readonly check: string
  /** `weak`: something else is used instead, or it works less well. */
  readonly state: 'ok' | 'weak' | 'missing'
  readonly reason: string
  /** What would mend it, as a command or a sentence. */
  readonly mend: string | null
}

/** Looks at all that hangdog can make use of. Never rejects. @param path of the state directory, if not the default */
export async function examineMachine(path: string | undefined): Promise<readonly Check[]> {
  const directory = layOutStateDirectory(path)
  return [
    examineNode(process.versions.node),
    examineStateDirectory(directory),
    examineSocketPath(directory),
    ...examinePlatform(),
    ...examineWatchers(),
    ...(await examineStored(directory)),
    await examineVitals(),
  ]
}

/** The oldest version of Node that is tested: the one of `engines` in package.json. */
const oldestNode = [20, 20] as const

export function examineNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const recent = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  if (recent) return ok('node', `version ${version}`)
  return missing('node', `version ${version}, expected ${oldestNode.join('.')} or later`, 'install a newer Node.js')
}

/** One that was used before is tried out; one that was not is not made, nor anything in it. */
function examineStateDirectory({ root, ...parts }: StateDirectory): Check {
  try {
    if (Object.values(parts).every((part) => existsSync(part))) {
      openStateDirectory(root)
      return ok('state-directory', `${root} can be written`)
    }
    let found = root
    while (!existsSync(found)) found = dirname(found)
    if (!statSync(found).isDirectory()) throw new Error(`"${found}" is not a directory`)
    accessSync(found, constants.W_OK)
    return ok('state-directory', `${root} will be made or completed by the first run`)
  } catch (error) {
    return missing('state-directory', describeError(error), 'give another one with --state-dir, or run as its owner')
  }
}

/** Letters that the name of an instance can have at most. */
const longestName = 64
/** From here on names have to be chosen with care. */
const shortName = 16

function examineSocketPath({ control, beat }: StateDirectory): Check {
  const longer = control.length > beat.length ? control : beat
  const room = longestSocketPath - Buffer.byteLength(join(longer, '.sock'))
  const mend = 'give a state directory with a shorter path (--state-dir)'
  if (room >= longestName) return ok('socket-path', 'names of all lengths fit')
  const reason = `a socket's path can have ${longestSocketPath} bytes, which leaves ${Math.max(0, room)} for a name`
  return room >= shortName ? weak('socket-path', reason, mend) : missing('socket-path', reason, mend)
}

/** Without these hangdog cannot do its work; for the others it uses something else, or leaves something out. */
const needed: readonly Capability['name'][] = ['terminate', 'process-group', 'process-state']

function examinePlatform(): readonly Check[] {
  try {
    return selectPlatform().capabilities.map(({ name, available, detail, mend }) => {
      if (available) return ok(name, detail)
      return (needed.includes(name) ? missing : weak)(name, detail, mend ?? null)
    })
  } catch (error) {
    return [missing('platform', describeError(error), null)]
  }
}

/** What is stored, and what it says about this machine: nothing, where it cannot be read. */
async function examineStored({ root }: StateDirectory): Promise<readonly Check[]> {
  try {
    const reading = await readStore(root)
    return [examineProperties(reading), examineConsent(reading.snapshot)]
  } catch (error) {
    return [missing('properties', describeError(error), mendProperties(error)), examineConsent(undefined)]
  }
}

function examineProperties({ snapshot, trouble }: StoreReading): Check {
  if (trouble !== undefined) return weak('properties', trouble, 'the next change makes it whole (hangdog prop set)')
  const { generation } = snapshot
  return ok('properties', generation === 0 ? 'all have their defaults' : `generation ${generation} is whole`)
}

function mendProperties(error: unknown): string | null {
  if (!(error instanceof HangdogError)) return null
  if (error.code === 'permission') return 'run it as the user whose state directory it is'
  if (error.code !== 'data') return null
  return `use the hangdog that wrote them, or move ${currentName} and ${previousName} away: all have their defaults then`
}

function examineConsent(snapshot: PropertySnapshot | undefined): Check {
  const definition = findDefinition('BugCheckConsent')
  const given = definition && snapshot && resolveProperty(definition, snapshot).value.value === 1
  if (given === true) return ok('bugcheck-consent', 'this machine may be stopped by HangRecoveryAction 3')
  return weak(
    'bugcheck-consent',
    'not given: HangRecoveryAction 3 does the work of 2',
    'hangdog prop set BugCheckConsent=1 (as root), if this machine may be stopped',
  )
}

async function examineVitals(): Promise<Check> {
  try {
    const { mem } = (await import('systeminformation')).default
    await mem()
    return ok('vitals', 'systeminformation loads and answers')
  } catch (error) {
    return weak('vitals', `systeminformation does not work: ${describeError(error)}`, 'npm install systeminformation')
  }
}

const ok = (check: string, reason: string): Check => ({ check, state: 'ok', reason, mend: null })
const weak = (check: string, reason: string, mend: string | null): Check => ({ check, state: 'weak', reason, mend })
const missing = (check: string, reason: string, mend: string | null): Check => ({
  check,
  state: 'missing',
  reason,
  mend,
})
