// SPDX-License-Identifier: Apache-2.0
//
// Runs the public suite http-tests/cache-tests against a front, and says how each of its tests ended. Called by
// scripts/cache-tests:
//
//     node run.mjs names DIRECTORY                  the fields of requests and of answers that its tests use
//     node run.mjs test DIRECTORY FRONT ORIGIN REFUSED [ID]
//
// REFUSED: the names of fields that the front passes on for nobody.

const [mode, directory, front, origin, refused, id] = process.argv.slice(2)
const { default: suites } = await import(`${directory}/tests/index.mjs`)

/** What a cache of pictures cannot be asked, with the reason; nothing else is left out. */
function whyNot(test) {
  if (test.browser_only) return 'for browsers'
  if (test.cdn_only) return 'CDN-Cache-Control is not heard'
  const methods = new Set(test.requests.map(request => request.request_method ?? 'GET'))
  for (const method of ['GET', 'HEAD']) methods.delete(method)
  if (methods.size > 0) return `${[...methods].join(', ')}: pictures are only read`
  if (test.requests.some(request => request.expected_interim_responses)) return 'interim answers (1xx) are not passed on'
  return null
}

const all = suites.flatMap(suite => suite.tests)
const applicable = all.filter(test => (id === undefined || test.id === id) && !whyNot(test))

if (mode === 'names') {
  const names = kind => new Set(applicable.flatMap(test => test.requests)
    .flatMap(request => request[kind] ?? []).map(field => field[0].toLowerCase()))
  console.log([...names('request_headers')].sort().join(','))
  console.log([...names('response_headers')].sort().join(','))
  process.exit()
}

// How the suite tells its own server what to answer, and asks what that has seen, is no business of a cache.
const fetchAnything = globalThis.fetch
globalThis.fetch = (url, init) => fetchAnything(String(url).replace(/^.*(?=\/(config|state)\/)/, origin), init)

const { runTests, getResults } = await import(`${directory}/test-engine/client/runner.mjs`)
const { determineTestResult, resultTypes } = await import(`${directory}/test-engine/lib/results.mjs`)
await runTests([{ tests: applicable }], false, front)
const results = getResults()

/** Whether a test failed only because the front passes on no such field, which is on purpose. */
function isByDesign(test) {
  const name = /header (\S+) is "/.exec([results[test.id]].flat()[1])?.[1]
  // It has an Age of its own.
  return name !== undefined && name !== 'Age' && refused.split(',').includes(name.toLowerCase())
}

const ended = test => determineTestResult(suites, test.id, results)
const isGood = test => [resultTypes.pass, resultTypes.yes].includes(ended(test))
const hard = applicable.filter(test => ended(test) === resultTypes.fail)
for (const kind of ['required', 'optimal', 'check']) {
  const tests = applicable.filter(test => (test.kind ?? 'required') === kind)
  const rest = tests.filter(test => !isGood(test))
  console.log(`${kind.padEnd(9)} ${tests.length - rest.length} of ${tests.length}`)
  if (kind === 'check') continue
  for (const test of rest) {
    const name = Object.keys(resultTypes).find(name => resultTypes[name] === ended(test)).replace('_', ' ')
    const why = [results[test.id]].flat().slice(1).join(' ').replace(/\s+/g, ' ')
    console.log(`  ${name}${isByDesign(test) ? ', by design' : ''}: ${test.id}${why && `: ${why}`}`)
  }
}
console.log(`hard failures ${hard.length}, of which by design ${hard.filter(isByDesign).length}`)
const left = {}
for (const test of all.filter(whyNot)) left[whyNot(test)] = (left[whyNot(test)] ?? 0) + 1
for (const why in left) console.log(`not asked: ${left[why]} (${why})`)
