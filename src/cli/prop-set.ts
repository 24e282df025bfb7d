import { HangdogError } from '../errors.js'
import { checkAssignment, checkOnce, checkReset } from '../property/change.js'
import type { ChangeContext } from '../property/change-target.js'
import { definitions, definitionsOf, findDefinition, type PropertyProfile } from '../property/definitions.js'
import { checkServiceName } from '../property/service-name.js'
import type { PropertyChange, PropertySnapshot } from '../property/store.js'
import { isSameValue } from '../property/value.js'
import { parseAssignment } from '../property/value-text.js'
import type { Output } from './output.js'
import type { PropertyOptions } from './prop-list.js'
import { findRows, rowToJson } from './property-row.js'
import { changeState } from './property-state.js'

/** `prop set`. @throws HangdogError for the first assignment that cannot be; then none is stored */
export async function setProperties(
  assignments: readonly string[],
  options: PropertyOptions,
  output: Output,
): Promise<void> {
  const { profile } = options
  if (assignments.length === 0 && profile === undefined) {
    throw new HangdogError('usage', 'cannot set properties: expected NAME=VALUE[:FORMAT] or --profile, not nothing')
  }
  await apply(options, output, (context) => {
    const given = assignments.map((text) => checkAssignment(parseAssignment(text), context))
    const implied = profile === undefined ? [] : profileChanges(profile, context)
    // What is given beside a profile is meant to differ from it.
    return [...implied.filter(({ name }) => !given.some((change) => change.name === name)), ...given]
  })
}

/** `prop reset`. @throws HangdogError for the first name that cannot be reset; then none is */
export async function resetProperties(
  names: readonly string[],
  options: PropertyOptions,
  output: Output,
): Promise<void> {
  await apply(options, output, (context) => names.map((name) => checkReset(name, context)))
}

async function apply(
  options: PropertyOptions,
  output: Output,
  plan: (context: ChangeContext) => readonly PropertyChange[],
): Promise<void> {
  const { service } = options
  if (service !== undefined) checkServiceName(service)
  const { changes, snapshot } = await changeState(options.stateDir, output, (context) =>
    checkOnce(plan({ ...context, service })),
  )
  if (options.json === true) await printChanges(changes, snapshot, output)
}

/** The older defaults as values; with the profile of today, what any other profile has differently is reset. */
function profileChanges(profile: PropertyProfile, { service }: ChangeContext): readonly PropertyChange[] {
  return definitionsOf('windows2003').flatMap((older) => {
    const isElsewhere = older.scope === (service === undefined ? 'private' : 'common')
    const isDifferent = !isSameValue(older.default, findDefinition(older.name)?.default)
    const value = profile === 'current' ? undefined : older.default
    if (isElsewhere || !isDifferent) return []
    return [service === undefined ? { name: older.name, value } : { service, name: older.name, value }]
  })
}

async function printChanges(
  changes: readonly PropertyChange[],
  snapshot: PropertySnapshot,
  output: Output,
): Promise<void> {
  for (const { service, name, value } of changes) {
    const isGone = value === undefined && !definitions.some((definition) => definition.name === name)
    if (isGone) continue
    for (const row of findRows([name], snapshot, { service, profile: 'current' })) {
      await output.writeJson(rowToJson(row, service))
    }
  }
}
