/** What a machine is in its cluster. The verifier shares no code with src/, so it has a type of its own. */
export type Role = 'control-plane' | 'worker'
