import { execa } from 'execa'
import { expect, test } from 'vitest'

const module = new URL('../../../e2e/cli/interrupt.ts', import.meta.url).pathname

// Runs a program that waits, and sends it signals one after the other, each once it has printed something.
async function interrupt(source: string, ...signals: NodeJS.Signals[]) {
  const program = `import * as interrupt from '${module}'\nsetInterval(() => {}, 1000)\n${source}\nconsole.log('ready')`
  const child = execa(process.execPath, ['--input-type=module', '--eval', program], { reject: false })
  const left = [...signals]
  child.stdout.on('data', () => child.kill(left.shift()))
  const { exitCode, stdout, stderr } = await child
  return { exitCode, stdout, stderr }
}

test.each([
  'SIGINT',
  'SIGTERM',
] as const)('%s ends the process with the lines, after later listeners', async (signal) => {
  const source = `interrupt.exitOnInterrupt(['Stopped.']); process.on('${signal}', () => console.error('later'))`
  expect(await interrupt(source, signal)).toMatchObject({ exitCode: 130, stderr: 'later\n\nStopped.' })
})

test('the first SIGINT aborts, the second one ends the process', async () => {
  const source = `interrupt.abortOnInterrupt().addEventListener('abort', () => console.log('aborted'))`
  const { exitCode, stdout } = await interrupt(source, 'SIGINT', 'SIGINT')
  expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: 'ready\naborted' })
})
