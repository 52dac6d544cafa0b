import type { Reporter, TestModule } from 'vitest/node';

/** Lists at the end of a run what passed at a second try only: a race that shows once in ten runs is a fault as well. */
export class RetriedTests implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const retried = modules.flatMap((module) =>
      [...module.children.allTests()]
        .filter((test) => test.diagnostic()?.flaky === true)
        .map((test) => `  ${module.relativeModuleId} › ${test.fullName.replaceAll(' > ', ' › ')}\n`),
    );
    if (retried.length > 0) process.stdout.write(`\nPassed at the second try only:\n${retried.join('')}`);
  }
}
