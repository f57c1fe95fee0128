/**
 * The rules that the demo runs: the founding example as it stands, a webhook, an audit log. Written to a file, so that
 * whoever watches may edit it while the daemon runs.
 */
export function demoRules(webhookUrl: string, auditFile: string): string {
  return `# The demo's rules. Edit and save: the running daemon reloads them.
rules:
  # Delete the cached user when the status changed or the user was deleted.
  - id: "user_cache_invalidate"
    table: "users"
    events: ["UPDATE", "DELETE"]
    filter: "NewRow['status'] != OldRow['status']"
    actions:
      - type: "redis"
        cmd: "DEL"
        key: "cache:user:{{ .ID }}"

  # Tell the CRM of every new user.
  - id: welcome_new_user
    table: shop.users
    events: [INSERT]
    actions:
      - type: webhook
        url: ${JSON.stringify(webhookUrl)}
        body: {event: "{{event.id}}", user: "{{id}}", email: "{{new.email}}"}

  # Events that an application posts go through the same rules.
  - id: signup_started
    on: app.signup.started
    actions:
      - type: webhook
        url: ${JSON.stringify(webhookUrl)}
        body: {posted: "{{event.id}}", email: "{{payload.email}}"}

  # Keep a record of what happens to orders.
  - id: order_audit
    table: shop.orders
    actions:
      - type: log
        path: ${JSON.stringify(auditFile)}
`
}
