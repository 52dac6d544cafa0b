import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import type { Shown } from './exports.ts';

/** Milliseconds for a page to show what is awaited. */
const PATIENCE = 60_000;

/** Columns of the list, as a user picks them in the Web UI, which keeps them in the browser. */
const COLUMNS = ['Status', 'Workflow ID', 'FhirServer', 'ExportLevel', 'ExportPhase', 'ExportOutcome', 'Start'];

interface Picture {
  /** File, without `.png`. */
  name: string;
  /** Path of the page below those of the workflows. */
  path: string;
  /** Pixels. */
  height: number;
  /** Texts that the page must show. */
  texts: string[];
  /** Tab of the export to open. */
  tab?: string;
}

/**
 * Takes the pictures, each when the page shows what it is for.
 *
 * @param browser path of a Chromium
 * @param ui base URL of Temporal's Web UI
 * @param shown workflow ids
 */
export async function takePictures(
  browser: string,
  ui: string,
  shown: Record<Shown, string>,
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const running = await chromium.launch({ executablePath: browser });
  try {
    const context = await running.newContext({ locale: 'en-GB', timezoneId: 'UTC', colorScheme: 'light' });
    await context.addInitScript({ content: settings() });
    const page = await context.newPage();
    for (const picture of pictures(shown)) {
      await page.setViewportSize({ width: 1200, height: picture.height });
      await page.goto(`${ui}/namespaces/default/workflows${picture.path}`);
      if (picture.tab !== undefined) await page.getByText(picture.tab, { exact: true }).first().click();
      for (const text of picture.texts) await awaitText(page, text);
      // Whatever moves at first.
      await page.waitForTimeout(2000);
      await page.screenshot({ path: join(folder, `${picture.name}.png`) });
      console.log(`Picture ${picture.name}.png`);
    }
  } finally {
    await running.close();
  }
}

/** What the Web UI keeps in the browser: columns, and no menus beside the list. */
function settings(): string {
  const items = {
    'namespace-workflow-table-columns': { default: COLUMNS.map((label) => ({ label })) },
    navOpen: false,
    savedQueryNavOpen: false,
  };
  return Object.entries(items)
    .map(([name, value]) => `localStorage.setItem('${name}', ${JSON.stringify(JSON.stringify(value))});`)
    .join('\n');
}

function pictures(shown: Record<Shown, string>): Picture[] {
  const details = (name: Shown, height: number, ...texts: string[]): Picture => ({
    name,
    path: `/${shown[name]}`,
    tab: 'User Metadata',
    height,
    texts: ['Current Details', ...texts],
  });
  const query = encodeURIComponent('WorkflowType="bulkExport"');
  return [
    { name: 'list', path: `?query=${query}`, height: 660, texts: Object.values(shown) },
    details('running', 1010, 'By type', 'Of late'),
    details('queued', 800, 'place'),
    details('stands-still', 910, 'Stands still since'),
    details('needs-attention', 1090, 'An operator is to decide'),
    { name: 'failed', path: `/${shown.failed}`, height: 690, texts: ['IncompleteExport'] },
    { name: 'complete', path: `/${shown.complete}`, height: 860, texts: ['"transactionTime"'] },
  ];
}

/** Waits until the page, or a frame in it, shows the text. */
async function awaitText(page: Page, text: string): Promise<void> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    for (const frame of page.frames()) {
      if (
        await frame
          .getByText(text)
          .first()
          .isVisible()
          .catch(() => false)
      )
        return;
    }
    if (Date.now() > end) throw new Error(`${page.url()} does not show "${text}"`);
    await page.waitForTimeout(200);
  }
}
