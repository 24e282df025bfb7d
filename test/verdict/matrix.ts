import type { Outcome } from './trial.js'

/** One scenario under one supervisor. */
export interface Scenario {
  readonly watcher: string
  readonly name: string
  readonly what: string
  readonly kind: 'hang' | 'disturbance'
  /** Nothing else runs meanwhile. */
  readonly alone: boolean
  /** Why it cannot be run, or means nothing here. */
  readonly lack: (limitMs: number) => string | undefined
  readonly run: (limitMs: number) => Promise<Outcome>
}

/** All runs of one scenario with one limit. */
export interface Cell {
  readonly watcher: string
  readonly scenario: string
  readonly what: string
  readonly kind: Scenario['kind']
  readonly limitMs: number
  /** Why there are no runs, if there are none. */
  readonly lack?: string
  readonly outcomes: readonly Outcome[]
}

export interface MatrixOptions {
  readonly limitsMs: readonly number[]
  /** Runs of each scenario with each limit. */
  readonly runs: number
  /** Runs at the same time; those that load the machine are alone all the same. */
  readonly jobs: number
  readonly onOutcome: (scenario: Scenario, limitMs: number, outcome: Outcome) => void
}

/** A run whose disturbance did not work proves nothing, and is tried again this often. */
const attempts = 3

/** Runs every scenario with every limit. */
export async function runMatrix(scenarios: readonly Scenario[], options: MatrixOptions): Promise<readonly Cell[]> {
  const cells = scenarios.flatMap((scenario) =>
    options.limitsMs.map((limitMs) => ({ scenario, limitMs, lack: scenario.lack(limitMs), outcomes: [] as Outcome[] })),
  )
  const runs = Array.from({ length: options.runs }, () => cells.filter(({ lack }) => lack === undefined)).flat()
  const run = async ({ scenario, limitMs, outcomes }: (typeof runs)[number]): Promise<void> => {
    const outcome = await attempt(scenario, limitMs)
    outcomes.push(outcome)
    options.onOutcome(scenario, limitMs, outcome)
  }
  await inParallel(
    runs.filter(({ scenario }) => !scenario.alone).map((one) => () => run(one)),
    options.jobs,
  )
  await inParallel(
    runs.filter(({ scenario }) => scenario.alone).map((one) => () => run(one)),
    1,
  )
  return cells.map(({ scenario: { watcher, name, what, kind }, limitMs, lack, outcomes }) => ({
    watcher,
    scenario: name,
    what,
    kind,
    limitMs,
    ...(lack !== undefined && { lack }),
    outcomes,
  }))
}

/** One run, tried again when the disturbance itself did not work. */
export async function attempt(scenario: Scenario, limitMs: number): Promise<Outcome> {
  for (let left = attempts; ; left--) {
    const outcome = await scenario.run(limitMs)
    if (outcome.kind !== 'broken' || left === 1) return outcome
  }
}

async function inParallel(tasks: readonly (() => Promise<void>)[], jobs: number): Promise<void> {
  const queue = [...tasks]
  const work = async (): Promise<void> => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) await task()
  }
  await Promise.all(Array.from({ length: jobs }, work))
}
