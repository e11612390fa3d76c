import Type, { type Static } from 'typebox'

/** What a machine is in its cluster. */
export const Role = Type.Union([Type.Literal('control-plane'), Type.Literal('worker')])

/** What a machine is in its cluster. */
export type Role = Static<typeof Role>
