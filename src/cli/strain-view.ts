import { toRecord } from '../evidence/protocol-channel.js'

/** What kept a process from running, in sentences. Undefined when the record is not one. */
export function describeStrain(content: unknown): readonly string[] | undefined {
  const strain = toRecord(content)
  if (typeof strain.measuredMs !== 'number') return undefined
  const { waitedForCpu } = strain
  const threads = Array.isArray(waitedForCpu) ? waitedForCpu.map(toRecord) : []
  return [
    `within ${strain.measuredMs} ms: ${list([
      count(strain.cpuPercent, '% of a CPU'),
      count(strain.majorFaultsPerSecond, 'major faults a second'),
      count(strain.refaultsPerSecond, 'pages a second read again'),
      count(strain.throttledPercent, '% of the time throttled'),
    ])}`,
    ...threads.map(({ tid, name, percent }) => `thread ${tid} (${name}) waited for a CPU for ${percent} % of the time`),
    ...(typeof strain.cpuLimit === 'number' ? [`limit of its group: ${strain.cpuLimit} CPUs`] : []),
    ...describeMemory(strain.memory),
  ]
}

function describeMemory(value: unknown): readonly string[] {
  const { bytes, limitBytes, oomKills, limitHits, isOutOfMemory } = toRecord(value)
  if (typeof bytes !== 'number') return []
  const limit = typeof limitBytes === 'number' ? ` of ${toMebibytes(limitBytes)}` : ', no limit'
  const met = list([count(limitHits, 'times at the limit'), count(oomKills, 'processes killed for memory')])
  return [
    `memory of its group: ${toMebibytes(bytes)}${limit}${met === '' ? '' : `; ${met}`}`,
    ...(isOutOfMemory === true ? ['its group is out of memory, and its tasks wait for some'] : []),
  ]
}

function count(value: unknown, unit: string): string | undefined {
  return typeof value === 'number' ? `${value.toLocaleString('en-US')} ${unit}` : undefined
}

function list(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(', ')
}

function toMebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2).toLocaleString('en-US')} MiB`
}
