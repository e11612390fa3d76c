import { attempt } from '../../host/subprocess.ts'
import { kind as version } from '../host/versions.ts'

/** Resolves to the path of kind: the installed one if it is the release that the lab is made for, else one that it builds. */
export async function ensureKind(): Promise<string> {
  const installed = await attempt`kind version`
  if (installed?.startsWith(`kind ${version} `)) return 'kind'
  const { ensureGoProgram } = await import('../build/go-programs.ts')
  return ensureGoProgram('kind')
}
