"""Privacy and utility of face modifiers: baselines, judges, attackers, verification, detection metrics, reports."""
