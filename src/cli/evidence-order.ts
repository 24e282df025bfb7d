import type { EvidenceItem } from './incident-report.js'

/** What tells most about a hang comes first. What is not named here, of collectors to come, comes before the machine. */
const worth = [
  'lock-cycle',
  'javascript-stack',
  'java-stack',
  'python-stack',
  'go-stack',
  'last-words',
  'native-stack',
  'waits',
  'process',
  'event-loop',
  'java-memory',
  'output',
]
const ofTheMachine = ['strain', 'listen-queues', 'pressure', 'core', 'vitals']

/**
 * The order in which evidence is worth reading: first what the sentence about the cause rests on, then stacks, threads and the service,
 * then the machine; what was taken at the warning after that, and what is missing last.
 */
export function orderEvidence(items: readonly EvidenceItem[], cause: string): readonly EvidenceItem[] {
  const support = measureSupport(items, cause)
  const rank = (item: EvidenceItem): number =>
    (item.kind === 'missing' ? 2000 : 0) + (item.taken === 'at-warning' ? 1000 : 0) + placeOf(item.name)
  const first = findSupport(items, cause)
  return [...items].sort(
    (a, b) =>
      Number(b === first) - Number(a === first) || rank(a) - rank(b) || (support.get(b) ?? 0) - (support.get(a) ?? 0),
  )
}

function placeOf(name: string): number {
  const own = worth.indexOf(name)
  if (own !== -1) return own
  const machine = ofTheMachine.indexOf(name)
  return machine === -1 ? worth.length : worth.length + 1 + machine
}

/** The exhibit that the cause rests on: the one in which most of what the sentence names is found. Undefined when it is in none. */
export function findSupport(items: readonly EvidenceItem[], cause: string): EvidenceItem | undefined {
  let best: EvidenceItem | undefined
  let most = 0
  const support = measureSupport(items, cause)
  for (const item of [...items].sort((a, b) => placeOf(a.name) - placeOf(b.name))) {
    const found = support.get(item) ?? 0
    if (found > most) {
      best = item
      most = found
    }
  }
  return best
}

/** A name that is in few exhibits tells more than one that is in all. */
function measureSupport(items: readonly EvidenceItem[], cause: string): ReadonlyMap<EvidenceItem, number> {
  const texts = items
    .filter((item) => item.taken === 'at-expiry' && item.content !== undefined && item.name !== 'cause')
    .map((item) => ({ item, text: JSON.stringify(item.content) ?? '' }))
  const support = new Map<EvidenceItem, number>()
  for (const name of namesIn(cause)) {
    const holding = texts.filter(({ text }) => text.includes(name))
    for (const { item } of holding) support.set(item, (support.get(item) ?? 0) + 1 / holding.length)
  }
  return support
}

/** Functions, files, calls and numbers; the words of the sentence itself are in no exhibit, or in all. */
function namesIn(cause: string): ReadonlySet<string> {
  const words = cause.match(/[\w$./-]{3,}/g) ?? []
  return new Set(
    words
      .map((word) => word.replace(/^[.-]+|[.-]+$/g, ''))
      .filter((word) => word.length > 2 && !plain.has(word) && !share.test(word)),
  )
}

/** `100` of `100 %`, `2.0` of `2.0 s`: in many exhibits by chance. Numbers of threads and ports are longer. */
const share = /^\d{1,3}(\.\d+)?$/

const plain = new Set(
  'main thread threads process other others waiting waits wait waited with without and the has been inside from unknown busy loop file line its not for that this event turns CPU'.split(
    ' ',
  ),
)
