import type { Resource } from './hospital.ts';

/** Resources of one transaction. */
const AT_ONCE = 100;
/** Resources of one page of search results. */
const PAGE = 200;

interface Bundle {
  entry?: { resource: Resource; search?: { mode?: string } }[];
  link?: { relation: string; url: string }[];
}

/** Loads resources, in their order. */
export async function load(baseUrl: string, resources: readonly Resource[]): Promise<void> {
  for (let from = 0; from < resources.length; from += AT_ONCE) {
    const entry = resources.slice(from, from + AT_ONCE).map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    }));
    await call(baseUrl, JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }));
  }
}

/** All that a search finds, over all its pages. */
export async function search(baseUrl: string, query: string): Promise<Resource[]> {
  const found: Resource[] = [];
  let url: string | undefined = `${baseUrl}/${query}${query.includes('?') ? '&' : '?'}_count=${PAGE}`;
  while (url !== undefined) {
    const bundle = (await call(url)) as Bundle;
    found.push(...(bundle.entry ?? []).filter(({ search: by }) => by?.mode !== 'outcome').map((one) => one.resource));
    url = bundle.link?.find(({ relation }) => relation === 'next')?.url;
  }
  return found;
}

async function call(url: string, body?: string): Promise<unknown> {
  const headers = { 'content-type': 'application/fhir+json', accept: 'application/fhir+json' };
  const response = await fetch(url, body === undefined ? { headers } : { method: 'POST', headers, body });
  if (!response.ok) throw new Error(`${response.status} from ${url}: ${(await response.text()).slice(0, 500)}`);
  return response.json();
}
