/**
 * The kinds of failure a caller can tell apart, with the exit code each has on the command line. The numbers are those of
 * sysexits.h, so that an init system or a script reads them without a table of ours.
 */
export const exitCodes = {
  /** The command line is wrong. */
  usage: 64,
  /** Input data is wrong or damaged. */
  data: 65,
  /** No daemon, or this machine cannot do it. */
  unavailable: 69,
  /** A bug of hangdog. */
  internal: 70,
  /** An endpoint or a file cannot be created. */
  create: 73,
  /** Not permitted. */
  permission: 77,
  /** The configuration is wrong. */
  config: 78,
} as const

export type ErrorCode = keyof typeof exitCodes

/** `run` ended a hung service and may not restart it; the number that timeout(1) uses for the same thing. */
export const hungExitCode = 124

/** The one class of error hangdog throws. Callers look at `code`; the message is for people and may change. */
export class HangdogError extends Error {
  override readonly name = 'HangdogError'
  readonly code: ErrorCode

  /** @param message in the form: cannot VERB THING "NAME": CAUSE */
  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }

  get exitCode(): number {
    return exitCodes[this.code]
  }
}

/** What went wrong, as a short text, from anything that can be thrown. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The `code` of a system error such as ENOENT, if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Stands at the end of a switch over a union: a new variant fails to compile there. */
export function unreachable(value: never): never {
  throw new HangdogError('internal', `internal error: no branch for ${JSON.stringify(value)}`)
}
