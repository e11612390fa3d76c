/** What a machine is in its cluster. The witness shares no code with src/, so it has a type of its own. */
export type Role = 'control-plane' | 'worker'
