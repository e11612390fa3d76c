import { expect, test } from 'vitest'
import { execReporter } from '../../src/exec-reporter.ts'
import { createMetrics } from '../../src/metrics.ts'
import { recorder } from './serve.ts'

const exec = { container: 'm-1', command: 'facts.sh', seconds: 2 }

test.each([
  ['ended with 0', { ...exec, exitCode: 0 }, 'ok', { exitCode: 0 }],
  ['ended otherwise', { ...exec, exitCode: 3 }, 'failed', { exitCode: 3 }],
  ['did not end by itself', { ...exec, error: 'EXEC_TIME_LIMIT' as const }, 'error', { code: 'EXEC_TIME_LIMIT' }],
])('a command that %s is counted, and logged at the level debug', async (_, event, outcome, fields) => {
  const { log, text } = recorder()
  const metrics = createMetrics({ faultsAllowed: false, ofProcess: false })
  execReporter(log, metrics)(event)
  const shown = await metrics.text()
  expect(shown).toContain(`capd_kubeadm_upgrader_execs_total{outcome="${outcome}"} 1`)
  expect(shown).toContain('capd_kubeadm_upgrader_exec_duration_seconds_sum 2')
  expect(JSON.parse(text())).toMatchObject({ level: 20, ...exec, ...fields })
})
