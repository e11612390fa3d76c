import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Cheaper to start than processes, and there are many files.
    pool: 'threads',
    // Two, because a test run shares the machine with a lab.
    maxWorkers: 2,
    // Only there so that a test that hangs ends: no test measures time.
    testTimeout: 240_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
})
