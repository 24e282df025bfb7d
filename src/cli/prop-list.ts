import type { PropertyProfile } from '../property/definitions.js'
import { checkServiceName } from '../property/service-name.js'
import type { StateOptions } from './options.js'
import type { Output } from './output.js'
import { findRows, layOutRows, listRows, type PropertyRow, rowToJson } from './property-row.js'
import { type PropertyState, readState } from './property-state.js'

export interface PropertyOptions extends StateOptions {
  readonly service?: string
  readonly profile?: PropertyProfile
}

/** `prop list`. */
export async function listProperties(options: PropertyOptions, output: Output): Promise<void> {
  await show(options, output, ({ snapshot }) => listRows(snapshot, scopeOf(options)))
}

/** `prop get`. @throws HangdogError `usage` for an unknown name */
export async function getProperties(names: readonly string[], options: PropertyOptions, output: Output): Promise<void> {
  await show(options, output, ({ snapshot }) => findRows(names, snapshot, scopeOf(options)))
}

async function show(
  options: PropertyOptions,
  output: Output,
  choose: (state: PropertyState) => readonly PropertyRow[],
): Promise<void> {
  const { service } = options
  if (service !== undefined) checkServiceName(service)
  const state = await readState(options.stateDir, output)
  const stored = choose(state)
  const rows = service === undefined ? stored : await overlay(stored, service, state)
  if (options.json === true) for (const row of rows) await output.writeJson(rowToJson(row, service))
  else
    await output.write(
      layOutRows(rows, output)
        .map((line) => `${line}\n`)
        .join(''),
    )
}

/** A hangdog that watches the service knows better: its command line or its file may say something else. */
async function overlay(
  rows: readonly PropertyRow[],
  service: string,
  { directory }: PropertyState,
): Promise<readonly PropertyRow[]> {
  const { askProperties } = await import('./live-properties.js')
  const live = await askProperties(directory, service)
  return rows.map((row) => ({ ...row, ...live.get(row.name) }))
}

function scopeOf({ service, profile = 'current' }: PropertyOptions) {
  return { service, profile }
}
