import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { parse } from 'yaml'
import { certificates } from '../../scripts/certificates/command.ts'
import { logTo } from '../../scripts/host/progress.ts'

// What a kubectl of the test answers to arguments in which this stands; `exit` is a failure with this text.
export type Answers = Record<string, string | { exit: string }>

export interface Call {
  args: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read wherever they like in it
  input: any
}

const definition = 'extensionconfigs.runtime.cluster.x-k8s.io'

// A cluster with Cluster API and nothing of ours.
export const fresh: Answers = {
  'version --client': 'Client Version: v1.35.4',
  'get --raw=/readyz': 'ok',
  [`get customresourcedefinition ${definition}`]: 'v1alpha1 v1beta2',
  'get secret': '',
  'apply --filename=-': 'namespace/x created',
  'apply --server-side': 'secret/x serverside-applied',
}

// Runs `npm run certificates` on a kubectl that answers so, and tells what was printed and what kubectl was asked.
export async function run(answers: Answers, ...args: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const kubectl = join(folder, 'kubectl')
  await writeFile(kubectl, await script(answers, folder), { mode: 0o755 })
  let printed = ''
  const print = (line: string) => {
    printed += `${line}\n`
  }
  logTo(print)
  for (const method of ['log', 'error'] as const) vi.spyOn(console, method).mockImplementation(print)
  const exitCode = await certificates(['--kubectl', kubectl, ...args])
  return { exitCode, printed, calls: await callsIn(folder) }
}

async function script(answers: Answers, folder: string): Promise<string> {
  const cases = Object.entries(answers).map(async ([part, answer], i) => {
    const file = join(folder, `answer-${i}`)
    await writeFile(file, typeof answer === 'string' ? answer : answer.exit)
    return `  *'${part}'*) cat ${file} ${typeof answer === 'string' ? '' : '>&2; exit 1'};;`
  })
  return `#!/bin/sh
echo "$*" >>${folder}/calls
cat >${folder}/input-$(wc -l <${folder}/calls)
case "$*" in
${(await Promise.all(cases)).join('\n')}
  *) echo "unexpected: $*" >&2; exit 1;;
esac
`
}

async function callsIn(folder: string): Promise<Call[]> {
  const lines = (await readFile(join(folder, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean)
  return Promise.all(
    lines.map(async (args, i) => ({ args, input: parse(await readFile(join(folder, `input-${i + 1}`), 'utf8')) })),
  )
}
