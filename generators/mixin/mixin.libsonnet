// The rules and dashboards as a monitoring mixin. The rules are those that memoryos-generate made (rules.json); here
// each alert can be tuned by name, and everything be given labels of your own. What changes expressions (windows,
// limits, fleet labels) is changed before: memoryos-generate --config FILE.
//
//   local memoryos = (import 'mixin.libsonnet') + {
//     _config+:: { alerts+: { MemoryOSJournalFull: { disabled: true } }, labels+: { team: 'agents' } },
//   };
local generated = import 'rules.json';
local dashboards = {
  overview: import '../../dashboards/memoryos-overview.json',
  latency: import '../../dashboards/memoryos-latency.json',
  queue: import '../../dashboards/memoryos-queue.json',
  drift: import '../../dashboards/memoryos-drift.json',
  rollout: import '../../dashboards/memoryos-rollout.json',
  incident: import '../../dashboards/memoryos-incident.json',
  exporter: import '../../dashboards/memoryos-exporter.json',
};
local names = std.set([rule.alert for group in generated.groups for rule in group.rules if 'alert' in rule]);

{
  _config+:: {
    // Alert → { disabled: true } or { 'for': '10m', keep_firing_for: '5m', severity: 'warning', labels: {…} }.
    alerts: {},
    // Labels that every alert gets.
    labels: {},
  },

  local config = self._config,
  local known = ['disabled', 'for', 'keep_firing_for', 'severity', 'labels'],
  // A severity is the worst that the alert may have: what follows the mode of the fleet stays as mild as it is. To raise
  // one, generate anew: a legacy fleet must still not page.
  local order = ['critical', 'warning', 'info', 'none'],
  local rank(severity) = std.find(severity, order)[0],
  local milder(one, other) = order[std.max(rank(one), rank(other))],
  local tuning(name) = std.get(config.alerts, name, {}),
  local tuned(rule) =
    local own = tuning(rule.alert);
    rule
    + { [key]: own[key] for key in ['for', 'keep_firing_for'] if key in own }
    + {
      labels+: config.labels + std.get(own, 'labels', {})
               + (if 'severity' in own then { severity: milder(own.severity, rule.labels.severity) } else {}),
    },

  assert std.all([
    std.setMember(name, names) || error 'memoryos mixin: _config.alerts: there is no alert %s' % name
    for name in std.objectFields(config.alerts)
  ]),
  assert std.all([
    std.member(order, config.alerts[name].severity)
    || error 'memoryos mixin: _config.alerts.%s.severity is none of %s' % [name, std.join(', ', order)]
    for name in std.objectFields(config.alerts)
    if 'severity' in config.alerts[name]
  ]),
  assert std.all([
    std.member(known, key)
    || error 'memoryos mixin: _config.alerts.%s: unknown key %s; known keys: %s' % [name, key, std.join(', ', known)]
    for name in std.objectFields(config.alerts)
    for key in std.objectFields(config.alerts[name])
  ]),

  // Groups stay whole, recordings before the alerts that need them: in groups of their own the alerts would judge the
  // values of one evaluation earlier.
  prometheusAlerts+:: {
    groups+: [
      group {
        rules: [
          if 'alert' in rule then tuned(rule) else rule
          for rule in group.rules
          if !('alert' in rule) || !std.get(tuning(rule.alert), 'disabled', false)
        ],
      }
      for group in generated.groups
    ],
  },
  prometheusRules+:: { groups+: [] },
  grafanaDashboards+:: { ['memoryos-%s.json' % name]: dashboards[name] for name in std.objectFields(dashboards) },
}
