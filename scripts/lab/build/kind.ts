import { attempt } from '../../host/run.ts'
import { kind as version } from '../host/versions.ts'
import { program } from './programs.ts'

// Path of kind: the installed one when it is the release that we know, else one that we build.
export async function kind(): Promise<string> {
  const installed = await attempt('kind', ['version'])
  return installed?.startsWith(`kind ${version} `) ? 'kind' : program('kind')
}
