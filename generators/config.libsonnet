// Every setting of the generators, with its default and the reason for it.
//
// Override any of them in a file of your own, jsonnet or YAML, and name it: memoryos-generate --config FILE.
// Objects are merged key by key, everything else is replaced. An unknown key, alert or impossible value is an error.
{
  // 'migrating' until memory_os has carried everything for good. 'completed' leaves out the alerts that only a
  // migration needs: the drift gate, the cohorts, the fallback that must stay on.
  phase: 'migrating',

  // The labels that, together, name one fleet: nodes that must be in the same mode. Restarts and replaced pods forget,
  // so edges and outcomes are judged per fleet. A label that your targets do not have does no harm. `cluster` must be a
  // target label: one that is only an external label of Prometheus is invisible to rules.
  fleet_labels: ['cluster', 'job'],

  prometheus: {
    // The job of the MemoryOS targets (through /probe, or a single exporter). Only `up` needs it: every other series
    // is known by its name.
    job: 'memoryos',
    // The job under which the exporter's own /metrics is scraped.
    exporter_job: 'memoryos-exporter',
    // More label matchers for every series, without braces: for one Prometheus that holds several environments.
    selector: '',
    // 15 s: from breach to page in under 90 s needs two scrapes and a rule evaluation within a minute.
    scrape_interval: '15s',
    // Less than the interval, so that a hanging source ends before the next scrape begins.
    scrape_timeout: '10s',
    evaluation_interval: '15s',
    // Where Prometheus finds the exporter: the exporter's default address.
    exporter_address: '127.0.0.1:9943',
    // How soon a new node is scraped, and a node that was taken away forgotten: Prometheus's own default.
    discovery_interval: '1m',
    // Who this Prometheus is, on everything that it sends to remote storage and to Alertmanager.
    external_labels: { cluster: 'default', replica: 'a' },
    alertmanagers: ['127.0.0.1:9093'],
  },

  grafana: {
    // Where people open dashboards: Grafana's own default. Alerts link to it.
    base_url: 'http://localhost:3000',
    // The uid of the provisioned data source.
    datasource_uid: 'prometheus',
    datasource_url: 'http://127.0.0.1:9090',
    // The folder that holds the dashboards.
    folder: 'MemoryOS',
    // Often enough to follow an incident, as often as there is new data to show.
    refresh: '30s',
  },

  playbooks: {
    // The pages of this checkout; set it to where you publish them, so that links in a page can be clicked.
    base_url: 'alerts/playbooks',
    // What follows the name of the alert: '.md' for the files themselves, '/' for most published sites.
    suffix: '.md',
  },

  rules: {
    // The window over which latency and errors are judged: the window of the exporter's own gauges.
    window: '5m',
    // How long a value that was read stays true while a part is null: four scrapes.
    recent: '1m',
    // The same for state that changes by hand (mode, stage, limits, gate): a part that is null every second scrape, or
    // for some minutes in a stall, must not reset `for`.
    state_window: '10m',
    // How long memory_os stays the measure of severity after it was left: the incident is not over when the mode is.
    severity_window: '15m',
    // How long the last known mode of a silent fleet still says how severe its silence is.
    memory_window: '1d',
    // How long a gap in Prometheus's own data may be before it forgets when a fleet was cut over, rolled back or
    // reconciled: longer than any upgrade of Prometheus takes.
    remembered_gap: '1h',
    // A trigger needs that many calls in the window: one slow call of one is not an incident. 1 decides exactly as
    // evaluate_rollback/2 does.
    minimum_operations: 20,
    // A trigger held and the mode is still memory_os after that long: longer than the slowest rollback that was
    // measured (11 s after its caller had timed out) and two scrapes.
    rollback_deadline: '2m',
    // How long after a rollback its reconciliation may wait (specification 4.1 step 4).
    reconciliation_deadline: '30m',
    // How long a rollback that was not worked off stays an open incident: a week has a working day in it.
    incident_window: '7d',
    // How long an edge (the mode lost, the gate bypassed) is told, and a failed migration: long enough to be seen.
    edge_window: '30m',
    // SLOs must have been quiet for that long before an incident may be closed (specification 4.3 step 3).
    stability_window: '1h',
    // Fallback must stay on that long after the cutover: a full week holds every daily and weekly peak of traffic.
    fallback_window: '7d',
    // The first high-traffic window (specification 2.3): a day has one peak in it.
    cutover_window: '1d',
    // What part of the live limits warns during that window.
    cutover_factor: 0.8,
    // The gate is stale when fewer samples than it asks for were taken in this long.
    gate_window: '1h',
    // The share of memory_os calls answered by legacy that opens a ticket: well below the rollback limit of 3 %.
    fallback_ratio: 0.01,
    // Messages in a mailbox that page: more than the queue's hard limit (256) means that requests wait unseen.
    mailbox_limit: 256,
    // Memory of the manager's process, in bytes, that opens a ticket. It leaks about 3.4 KB an operation: 2 GiB after
    // some 600,000 operations. Set it to half of what the host can spare.
    manager_memory_bytes: 2147483648,
    // The age of the oldest call in flight, in seconds, that nobody waits for any more: the default request timeout of
    // MemoryOS (15 s) and as much again, because the deadline covers waiting, not running.
    hanging_seconds: 30,
    // The limits that were reviewed for this fleet: MemoryOS's defaults. A live limit that differs opens a ticket.
    reviewed_thresholds: { latency_p95_ms: 450, error_rate: 0.03, queue_depth: 200 },
  },

  // The objectives of Phase 7, and the error budget that each leaves.
  slos: {
    // The period over which a budget is spent.
    period: '30d',
    // Tickets need no page's speed, and the long windows are dear.
    evaluation_interval: '1m',
    // A window with fewer calls than this burns no budget: with 20 calls one error is already 5 %.
    minimum_operations: 20,
    // Low traffic: so many errors of one class in `absolute_window` open a ticket, whatever the ratio.
    absolute_window: '6h',
    absolute_errors: 10,
    // Five rounds of these rules: hours of errors do not come and go within minutes.
    absolute_for: '5m',
    // Shares of calls that may fail. With a budget of 20 % a burn factor of 5 or more can never be reached.
    errors: {
      transient: { budget: 0.2 },
      permanent: { budget: 0.05 },
    },
    // Shares of calls that may be slower than the bound (seconds; a bound of the exporter's histogram): the p95 of
    // Phase 7 leaves 5 %, the p99 1 %.
    latency: {
      remember_p95: { operation: 'remember', seconds: 0.6, budget: 0.05 },
      remember_p99: { operation: 'remember', seconds: 0.9, budget: 0.01 },
      retrieve_p95: { operation: 'retrieve', seconds: 0.65, budget: 0.05 },
      retrieve_p99: { operation: 'retrieve', seconds: 1.0, budget: 0.01 },
    },
    // Both windows of a tier must burn faster than `factor` times the budget: the long one says that it matters, the
    // short one that it still happens. 2 % of the budget in an hour, 5 % in six, 10 % in three days. A tier that a
    // total outage could not reach (factor x budget >= 1) is left out, with the reason in the rule file.
    tiers: [
      { long: '1h', short: '5m', factor: 14.4, 'for': '2m' },
      { long: '6h', short: '30m', factor: 6, 'for': '15m' },
      { long: '3d', short: '6h', factor: 1, 'for': '1h' },
    ],
  },

  // Tune one alert by name: { MemoryOSDown: { 'for': '2m', keep_firing_for: '10m', severity: 'warning',
  // disabled: true, labels: { team: 'memory' } } }. `severity` is the worst that the alert may have.
  alerts: {},

  alertmanager: {
    // Where people open Alertmanager, for links and for `amtool silence add`.
    external_url: 'http://localhost:9093',
    // null: not used. Secrets are read from files, never written into the configuration.
    receivers: {
      pagerduty: null,  // { routing_key_file: '/etc/alertmanager/secrets/pagerduty' }
      slack: null,  // { api_url_file: '/etc/alertmanager/secrets/slack', channel: '#memoryos' }
      email: null,  // { to, from, smarthost: 'mail.example.org:587', username, password_file }
      webhook: null,  // { url: 'http://127.0.0.1:9095/', credentials_file: '/etc/alertmanager/secrets/webhook' }
    },
    // Who gets what: a page wakes somebody, a ticket waits for the morning, context is only read during an incident.
    // A receiver that is not configured above is left out.
    routing: {
      critical: { receivers: ['pagerduty', 'slack', 'webhook'], group_wait: '10s', group_interval: '1m', repeat_interval: '1h' },
      warning: { receivers: ['slack', 'email', 'webhook'], group_wait: '1m', group_interval: '5m', repeat_interval: '12h' },
      info: { receivers: ['webhook'], group_wait: '5m', group_interval: '15m', repeat_interval: '1d' },
    },
    // The dead man's switch goes alone to something that complains when it stops hearing it.
    watchdog: { url: null, repeat_interval: '5m' },
    // Planned work: nobody is told meanwhile, the Watchdog excepted. The first Sunday night of a month, for example:
    // { times: [{ start_time: '02:00', end_time: '05:00' }], weekdays: ['sunday'], days_of_month: ['1:7'], location: 'Europe/Berlin' }
    maintenance: [],
    resolve_timeout: '5m',
  },
}
