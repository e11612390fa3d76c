import Type, { type Static } from 'typebox'

/** The role of a machine in its cluster, as a schema. */
export const Role = Type.Union([Type.Literal('control-plane'), Type.Literal('worker')])

/** The role of a machine in its cluster. */
export type Role = Static<typeof Role>
