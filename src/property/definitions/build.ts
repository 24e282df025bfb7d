import type { PropertyDefinition } from '../definition.js'

/** The largest DWORD. */
export const largestDword = 0xffffffff

type Rest<Given extends keyof PropertyDefinition> = Omit<PropertyDefinition, Given | 'default'>

/** A number; from 0 to the largest DWORD where no bounds are given. */
export function dword(name: string, byDefault: number, rest: Rest<'name' | 'format'>): PropertyDefinition {
  return {
    name,
    format: 'DWORD',
    minimum: 0,
    maximum: largestDword,
    default: { format: 'DWORD', value: byDefault },
    ...rest,
  }
}

/** A text; without a unit. */
export function text(
  name: string,
  byDefault: string,
  rest: Rest<'name' | 'format' | 'minimum' | 'maximum' | 'unit'>,
): PropertyDefinition {
  return { name, format: 'SZ', default: { format: 'SZ', value: byDefault }, unit: '', ...rest }
}
