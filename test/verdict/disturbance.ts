import type { Setting, Watched } from './watched.js'

/** Something that happens to a healthy service, to its supervisor or to the machine, and is no hang. */
export interface Disturbance {
  readonly name: string
  /** What happens, as a phrase for the table. */
  readonly what: string
  readonly subject: SubjectKind
  /** `held`: the supervisor has to notice and to say so; `unharmed`: it may, or may not see anything at all. */
  readonly expects: 'held' | 'unharmed'
  /** It loads the machine, so nothing else is measured meanwhile. */
  readonly alone?: boolean
  /** The service has a part in it, by an order. */
  readonly orders?: true
  /** The service is busy for less than the limit, and says when it was for longer after all. */
  readonly timed?: true
  /** Why no other supervisor can be put through it. */
  readonly onlyHangdog?: string
  readonly lack?: () => string | undefined
  readonly prepare?: (stage: Preparation) => Promise<Setting>
  readonly disturb: (stage: Stage) => Promise<void>
}

/** Which healthy service is disturbed. */
export type SubjectKind = 'python' | 'python-stream' | 'node' | 'node-inspected'

/** Before the supervisor starts. */
export interface Preparation {
  readonly directory: string
  readonly limitMs: number
  /** Done at the end of the run, last one first, whatever happens. */
  readonly cleanUp: (task: () => unknown) => void
}

/** While the service is watched. */
export interface Stage extends Preparation {
  readonly watched: Watched
  /** Has the service do something; resolves when it has begun. */
  readonly order: (text: string) => Promise<Obeyed>
}

/** Which process does what was ordered, and the wall time in ms at which it began; a hang begins with the last beat. */
export interface Obeyed {
  readonly pid: number
  readonly at: number
}
