import type { DrillNews, HangManner } from '../drill/drill-report.js'
import type { AppliedProperties, EffectiveProperty, ExplanationWithProperties } from '../effective-property.js'
import { type ErrorCode, exitCodes, HangdogError } from '../errors.js'
import type { MaintenanceStopped, ServiceMaintenance } from '../maintenance/window.js'
import type { Capability, Platform } from '../platform/platform.js'
import type { BeatGapsRecord } from '../watch/gap-book.js'
import type { ServiceStatus } from '../watch/status.js'
import type { MaintenanceStartParameters } from './maintenance-order.js'

/**
 * The local API: one JSON object a line, both ways. A request is `{id, method, params}`; the answer `{id, result}` or `{id, error}`.
 * A method that goes on sends `{id, result, more: true}` any number of times, and `{id, done: true}` if it ends by itself.
 */

/** Bytes of a request without its newline. A longer one is dropped and answered with an error. */
export const longestRequest = 64 * 1024

/** A hangdog that runs, as it describes itself. Field names are stable. */
export interface InstanceDescription {
  readonly instance: string
  readonly version: string
  readonly pid: number
  /** Wall time, ISO 8601 in UTC. */
  readonly startedAt: string
  readonly platform: Platform['name']
  readonly capabilities: readonly Capability[]
}

/** Methods that are answered once. */
export interface ControlMethods {
  readonly describe: { readonly params: Readonly<Record<string, never>>; readonly result: InstanceDescription }
  readonly status: { readonly params: { readonly service?: string }; readonly result: readonly ServiceStatus[] }
  readonly explain: { readonly params: { readonly service: string }; readonly result: ExplanationWithProperties }
  /** Has what is stored now take effect. */
  readonly 'apply-properties': {
    readonly params: Readonly<Record<string, never>>
    readonly result: AppliedProperties
  }
  readonly properties: {
    readonly params: { readonly service?: string }
    readonly result: readonly EffectiveProperty[]
  }
  readonly gaps: { readonly params: { readonly service?: string }; readonly result: readonly BeatGapsRecord[] }
  /** Gives those that it is for. */
  readonly 'maintenance-start': {
    readonly params: MaintenanceStartParameters
    readonly result: readonly ServiceMaintenance[]
  }
  readonly 'maintenance-stop': { readonly params: { readonly service?: string }; readonly result: MaintenanceStopped }
  readonly 'maintenance-status': {
    readonly params: Readonly<Record<string, never>>
    readonly result: readonly ServiceMaintenance[]
  }
}

/** Methods that go on: `watch-status` until the client leaves, `drill` until its outcome. A drill goes on without its client. */
export interface ControlStreams {
  readonly 'watch-status': ControlMethods['status']
  readonly drill: {
    readonly params: { readonly service: string; readonly timeoutMs?: number; readonly how?: HangManner }
    readonly result: DrillNews
  }
}

export interface Request {
  readonly id: string | number | null
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

export interface ErrorAnswer {
  readonly code: ErrorCode
  readonly message: string
}

export interface Answer {
  readonly id: string | number | null
  readonly result?: unknown
  readonly error?: ErrorAnswer
  readonly more?: true
  readonly done?: true
}

/** @throws HangdogError `usage` when the line is no request */
export function parseRequest(line: string): Request {
  const value = parseJson(line)
  if (!isRecord(value) || typeof value.method !== 'string') {
    throw refusal('expected an object with "id", "method" and "params"')
  }
  const { id = null, method, params = {} } = value
  if (id !== null && typeof id !== 'string' && typeof id !== 'number')
    throw refusal('expected a text or number as "id"')
  if (!isRecord(params)) throw refusal('expected an object as "params"')
  return { id, method, params }
}

/** @throws HangdogError `data` when the line is no answer */
export function parseAnswer(line: string): Answer {
  const value = parseJson(line)
  if (isRecord(value) && 'id' in value) {
    const { error } = value
    if (error === undefined || (isRecord(error) && typeof error.message === 'string')) return value as unknown as Answer
  }
  throw new HangdogError('data', 'cannot read the answer of hangdog: it is not of the expected form')
}

/** The id of a line that is otherwise no request, so that its sender can tell which one it was. */
export function findId(line: string): Answer['id'] {
  const value = parseJson(line)
  const id = isRecord(value) ? value.id : null
  return typeof id === 'string' || typeof id === 'number' ? id : null
}

/** The error a server sent, as it was thrown there. A code this version does not know counts as `internal`. */
export function toError({ code, message }: ErrorAnswer): HangdogError {
  return new HangdogError(Object.hasOwn(exitCodes, code) ? code : 'internal', message)
}

function refusal(expected: string): HangdogError {
  return new HangdogError('usage', `cannot read the request: ${expected}`)
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
