import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { describeError, HangdogError, systemCode } from './errors.js'
import type { GuardMode } from './guard-mode.js'
import type { OwnWatchSettings } from './own-kernel-watch-settings.js'
import type { MachineWatchdogSettings } from './platform/machine-watchdog-settings.js'
import type { PolicySettings, ServiceSettings } from './service-settings.js'
import { parseSignal } from './signal-name.js'
import { instancePattern } from './state-directory.js'
import {
  durationText,
  machineWatchdogSchema,
  toMachineWatchdog,
  toWatchHangdog,
  watchHangdogSchema,
} from './supervise-file-watchers.js'
import { type Milliseconds, parseDuration } from './time.js'
import { coreDumps, parseAction, restartModes } from './watch/policy.js'

const actionText = z
  .union([z.int().min(0).max(3), z.enum(['disable', 'log', 'terminate', 'bugcheck'])])
  .describe('HangRecoveryAction: 0 disable, 1 log, 2 terminate, 3 bugcheck')

const signalName = z
  .string()
  .regex(/^SIG[A-Z0-9]+$/)
  .describe('A signal by name, such as SIGTERM')

const policyKeys = {
  heartbeatTimeout: durationText.optional(),
  action: actionText.optional(),
  shadow: z.boolean().optional().describe('ShadowMode: decide and report, but act on nothing'),
  startTimeout: durationText.optional(),
  warningPercent: z.int().min(0).max(99).optional().describe('HangWarningPercent; 0 for no warning'),
  terminateSignal: signalName.optional(),
  terminateTimeout: durationText.optional(),
  killTimeout: durationText.optional(),
  escalation: z.enum(['none', 'bugcheck']).optional(),
  stopTimeout: durationText.optional(),
  evidenceTimeout: durationText.optional(),
  coreDump: z.enum(coreDumps).optional().describe('CoreDump: what is written of its memory before it is ended'),
  coreDumpTimeout: durationText.optional(),
  coreDumpLimit: z.int().min(1).max(4294967295).optional().describe('CoreDumpLimit, in MiB'),
  hold: z
    .strictObject({
      stopped: durationText.optional(),
      traced: durationText.optional(),
      frozen: durationText.optional(),
      starved: durationText.optional(),
    })
    .optional()
    .describe('How long silence may go on while each reason lasts; 0 does not hold for it'),
  restart: z
    .strictObject({
      mode: z.enum(restartModes).optional(),
      delay: durationText.optional(),
      longestDelay: durationText.optional(),
      limit: z.int().min(0).optional(),
      period: durationText.optional(),
    })
    .optional(),
}

const serviceSchema = z.strictObject({
  ...policyKeys,
  command: z
    .array(z.string().min(1))
    .min(1)
    .describe('The program and its arguments, one item each; no shell is involved'),
  directory: z.string().min(1).optional().describe('Relative to the directory of this file'),
  environment: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  heartbeat: z
    .string()
    .min(1)
    .optional()
    .describe('auto, notify, page, stream, node, http://…, tcp://HOST:PORT, exec:COMMAND or file:PATH'),
  notifyAccess: z
    .enum(['main', 'all'])
    .optional()
    .describe('Who may speak on the notify socket: the process that was started (default), or any of the service'),
  probe: z.strictObject({ interval: durationText.optional(), timeout: durationText.optional() }).optional(),
  output: z.enum(['file', 'pass', 'inherit']).optional(),
  ownGroup: z.boolean().optional().describe('Give the service a control group of its own, where the system has them'),
  kernelWatch: z
    .boolean()
    .optional()
    .describe('Have the kernel module watch it as well, which acts when hangdog itself does not; off by default'),
})

/** The form of the file that `hangdog supervise` reads; published as docs/supervise.schema.json. */
export const superviseSchema = z
  .strictObject({
    instance: z
      .string()
      .regex(instancePattern)
      .optional()
      .describe('Names this hangdog among others; default "supervise"'),
    machineWatchdog: machineWatchdogSchema.optional(),
    watchHangdog: watchHangdogSchema.optional(),
    guard: z
      .enum(['process', 'thread', 'none'])
      .optional()
      .describe('Where the native guard is: a process that outlives hangdog, a thread of it (default), or nowhere'),
    defaults: z.strictObject(policyKeys).optional().describe('Policy of every service that does not say otherwise'),
    services: z.record(z.string().regex(instancePattern), serviceSchema).describe('The services, by name'),
  })
  .describe('What hangdog supervise watches, and by what policy')

type FilePolicy = z.infer<z.ZodObject<typeof policyKeys>>
type FileService = z.infer<typeof serviceSchema>

export interface SuperviseFile {
  readonly instance: string
  readonly guard: GuardMode | undefined
  readonly services: readonly ServiceSettings[]
  readonly machineWatchdog?: MachineWatchdogSettings
  readonly watchHangdog?: OwnWatchSettings
}

/**
 * Reads the file of `hangdog supervise`.
 * @throws HangdogError `config` with the first thing that is wrong: where, what was expected, what was found
 */
export function readSuperviseFile(path: string): SuperviseFile {
  return parseSuperviseFile(readText(path), path)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = systemCode(error) === 'ENOENT' ? 'there is no such file' : describeError(error)
    throw new HangdogError('config', `cannot read the configuration "${path}": ${reason}`, error)
  }
}

export function parseSuperviseFile(text: string, path: string): SuperviseFile {
  const document = parseDocument(text, { prettyErrors: true })
  const broken = document.errors[0]
  if (broken !== undefined) throw refuse(path, broken.message.split('\n')[0] ?? 'not YAML')
  const parsed = superviseSchema.safeParse(document.toJS())
  if (!parsed.success) {
    // A misspelt key also makes the right one missing; the misspelling is what helps.
    const { issues } = parsed.error
    const misspelt = issues.find(({ code }) => code === 'unrecognized_keys')
    throw refuse(path, describeIssue(misspelt ?? issues[0], document.toJS()))
  }
  const { instance, guard, defaults, services } = parsed.data
  const names = Object.keys(services)
  if (names.length === 0) throw refuse(path, 'services: expected at least one service, found none')
  return {
    instance: instance ?? 'supervise',
    guard,
    services: Object.entries(services).map(([name, service]) => toSettings(name, service, defaults ?? {}, path)),
    ...readWatchers(parsed.data, path),
  }
}

function readWatchers(
  { machineWatchdog, watchHangdog }: z.infer<typeof superviseSchema>,
  path: string,
): Pick<SuperviseFile, 'machineWatchdog' | 'watchHangdog'> {
  try {
    return {
      ...(machineWatchdog !== undefined && { machineWatchdog: toMachineWatchdog(machineWatchdog) }),
      ...(watchHangdog !== undefined && { watchHangdog: toWatchHangdog(watchHangdog) }),
    }
  } catch (error) {
    throw refuse(path, describeError(error))
  }
}

function toSettings(name: string, service: FileService, defaults: FilePolicy, path: string): ServiceSettings {
  const [command = '', ...args] = service.command
  const where = (key: string): string => `services.${name}.${key} of "${path}"`
  const time = (key: string, text: string | undefined): Milliseconds | undefined =>
    text === undefined ? undefined : parseDuration(text, where(key))
  const probe = service.probe ?? {}
  return {
    name,
    command,
    args,
    directory: service.directory === undefined ? dirname(resolve(path)) : resolve(dirname(path), service.directory),
    environment: Object.fromEntries(
      Object.entries(service.environment ?? {}).map(([key, value]) => [key, String(value)]),
    ),
    heartbeat: service.heartbeat ?? 'auto',
    ...(service.notifyAccess !== undefined && { notifyAccess: service.notifyAccess }),
    probe: withoutUndefined({
      interval: time('probe.interval', probe.interval),
      timeout: time('probe.timeout', probe.timeout),
    }),
    output: service.output ?? 'file',
    ownGroup: service.ownGroup ?? true,
    kernelWatch: service.kernelWatch ?? false,
    source: `the file "${path}"`,
    policy: toPolicy({ ...defaults, ...withoutUndefined(service) }, where),
  }
}

function toPolicy(file: FilePolicy, where: (key: string) => string): PolicySettings {
  const time = (key: string, text: string | undefined): Milliseconds | undefined =>
    text === undefined ? undefined : parseDuration(text, where(key))
  const { hold, restart } = file
  return withoutUndefined({
    heartbeatTimeout: time('heartbeatTimeout', file.heartbeatTimeout),
    action: file.action === undefined ? undefined : parseAction(String(file.action), where('action')),
    shadow: file.shadow,
    startTimeout: time('startTimeout', file.startTimeout),
    warningPercent: file.warningPercent,
    terminateSignal:
      file.terminateSignal === undefined ? undefined : parseSignal(file.terminateSignal, where('terminateSignal')),
    terminateTimeout: time('terminateTimeout', file.terminateTimeout),
    killTimeout: time('killTimeout', file.killTimeout),
    escalation: file.escalation,
    stopTimeout: time('stopTimeout', file.stopTimeout),
    evidenceTimeout: time('evidenceTimeout', file.evidenceTimeout),
    coreDump: file.coreDump,
    coreDumpTimeout: time('coreDumpTimeout', file.coreDumpTimeout),
    coreDumpLimit: file.coreDumpLimit,
    holds: withoutUndefined({
      stopped: time('hold.stopped', hold?.stopped),
      traced: time('hold.traced', hold?.traced),
      frozen: time('hold.frozen', hold?.frozen),
      starved: time('hold.starved', hold?.starved),
    }),
    restart: withoutUndefined({
      mode: restart?.mode,
      delay: time('restart.delay', restart?.delay),
      longestDelay: time('restart.longestDelay', restart?.longestDelay),
      limit: restart?.limit,
      period: time('restart.period', restart?.period),
    }),
  })
}

function withoutUndefined<T extends object>(object: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>
  }
}

function refuse(path: string, what: string): HangdogError {
  return new HangdogError('config', `cannot use the configuration "${path}": ${what}`)
}

function describeIssue(issue: z.core.$ZodIssue | undefined, document: unknown): string {
  if (issue === undefined) return 'it is wrong'
  const place = issue.path.map(String).join('.') || 'the file'
  const found = describeFound(valueAt(document, issue.path))
  switch (issue.code) {
    case 'unrecognized_keys': {
      const key = issue.keys[0] ?? ''
      return `${place}: unknown key "${key}"; expected one of ${knownKeys(issue.path).join(', ')}`
    }
    case 'invalid_key':
      return `${place}: expected a name of letters, digits, ".", "_" or "-"`
    default:
      return `${place}: ${issue.message.replace(/^Invalid input: /, '')}, found ${found}`
  }
}

function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  const last = path.at(-1)
  if (path.length === 0) return Object.keys(superviseSchema.shape)
  if (last === 'hold') return Object.keys(policyKeys.hold.unwrap().shape)
  if (last === 'restart') return Object.keys(policyKeys.restart.unwrap().shape)
  if (last === 'machineWatchdog') return Object.keys(machineWatchdogSchema.shape)
  if (last === 'watchHangdog') return Object.keys(watchHangdogSchema.shape)
  if (last === 'probe') return ['interval', 'timeout']
  return Object.keys(path[0] === 'defaults' ? policyKeys : serviceSchema.shape)
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value)
  return `${Array.isArray(value) ? 'list' : typeof value} ${text.length > 60 ? `${text.slice(0, 57)}...` : text}`
}
