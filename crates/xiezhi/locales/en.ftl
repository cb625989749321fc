# Texts of the tool. Every id here has its Chinese twin in zh-CN.ftl; help texts are in the program itself.
error = error
hint-network = Is the alliance running? Start it with `xiezhi up`, or name a node with --url.
hint-not-sealed = It is recorded and cannot be lost; certificates exist once enough institutions have sealed. Try again in a while.
no-alliance = no alliance in { $dir }: start one with `xiezhi up`, or name a node with --url
trust-fingerprint = Ledger: { $fingerprint }
trust-ask = Compare the ledger id with a copy from somebody you trust. Trust it? [y/N]
trust-needs-yes = not at a terminal: compare the ledger id above with a copy from somebody you trust, then repeat with --yes
trust-added = Trusted from now on.
trust-not-added = Not trusted.
trust-empty = No ledger is trusted yet.
trust-no-such = { $count } trusted ledgers begin like that; exactly one is needed
trust-removed = No longer trusted: { $fingerprint }
ledger-not-trusted = Note: this ledger is not in your trust store, so `verify` will say "unknown". Its id: { $fingerprint }
account-created = Account created on the ledger: { $account }
file-twice = { $file } is named twice
file-empty = { $file } is empty: there is nothing to record
no-files = nothing to deposit: the directories hold no files
batch-too-large = { $count } files, a batch holds at most { $most }
pending-exists = { $file } exists: a deposit was interrupted; finish it with `xiezhi collect`, or delete the file to give it up
certificate-exists = { $file } exists already; move it away, or choose another place with --out
deposited-file = { $file }
deposited-number = number       { $number } (index { $index })
deposited-time = recorded     { $time }
deposited-sealed = sealed by    { $who }
deposited-certificate = certificate  { $file }
deposited-not-sealed = not sealed yet (so far: { $who }); it cannot be lost. Finish with: xiezhi collect { $file }
record-not-sealed = not sealed yet (so far: { $who })
record-time = recorded     { $time }, block { $height }
record-issuer = account      { $account }
verify-usage = give the original and its certificate, or the certificate alone with --record-only
verify-pending = { $file } is not a certificate yet: the deposit waits for its seals; finish it with `xiezhi collect`
bad-time = --at: "{ $time }" is not a UTC time such as 2026-11-22T08:00:00Z
equivocation-two-ledgers = the two are of different ledgers
equivocation-none = No contradiction was found between the two views.
equivocation-found = PROVEN: two sealed checkpoints that cannot both be true ({ $code }).
equivocation-written = The proof: { $file }. Anyone can check it with `xiezhi equivocation check`.
equivocation-checkpoint = height { $height }, { $size } records, { $time }, root { $root }
equivocation-who = Sealed both: { $who }. Each of them is dishonest, or its seal key is in other hands.
equivocation-unproven = NOT PROVEN: { $reason }
outcome-valid = VALID
outcome-invalid = INVALID
outcome-unknown = UNKNOWN
fact-number = number        { $value }
fact-ledger = ledger        { $value }
fact-since = exists since  { $value }
fact-issuer = recorded by   account { $value }
fact-group = group         { $value }
fact-seal = sealed by     { $name } ({ $role }), { $time }
fact-stamp = time stamp    { $name }, { $time }
show-needs-file = --receipts and --parts take a certificate file
find-nothing = Nothing found.
find-more = (the first { $count }; raise --limit for more)
status-live = in agreement
status-not-live = NOT ENOUGH INSTITUTIONS IN REACH
status-node = { $institution }  { $url }  { $live }  block { $height }, { $size } records, { $sealed } sealed, { $queued } waiting
status-away = no answer  { $url }
up-ledger = { $name }
    ledger { $ledger }
up-founded = Founded in { $dir }. One person holds every key here: for demonstration and tests.
up-resumed = Taken up from { $dir }.
up-next = Try next, in another terminal:
    xiezhi deposit FILE
    xiezhi verify FILE FILE.xzc
    xiezhi status
    Ctrl-C stops the alliance; `xiezhi up` takes it up again.
up-stopping = Stopping.
init-done = Founded in { $dir }: one folder per institution.
init-next = Give each institution its folder and genesis.cbor, set listen, http and peers in node.toml, then run the commands above, each on its machine.
node-runs = { $institution } runs at { $url }
demo-1 = 1. An alliance: every institution runs a node of one ledger.
demo-2 = 2. { $file } is hashed here, the digest is signed and recorded; every institution witnesses it.
demo-3 = 3. Every node is stopped. The certificate is verified offline, from the file and the ledger's id alone.
demo-3-running = 3. The certificate is verified offline, from the file and the ledger's id alone: no node is asked.
demo-4 = 4. The same with one byte of the file changed:
demo-uses-running = The alliance that runs already is used.
demo-recorded = { $ms } ms  recorded, final and durable: { $number }
demo-seal = { $ms } ms  sealed by { $who }
demo-stamp = { $ms } ms  time-stamped (RFC 3161)
demo-sealed = { $ms } ms  the sealing policy is met
demo-certificate = Certificate: { $file } ({ $bytes } bytes)
demo-verified-in = (verified in { $ms } ms)
demo-next = Try next:
    xiezhi up                        start the alliance again and leave it running
    xiezhi deposit FILE              record something of your own
    xiezhi verify { $file } { $certificate }
    xiezhi show { $certificate }     everything that is in the certificate
bench-start = Measuring an alliance of { $institutions } institutions on this machine.
bench-single = single deposits, { $clients } clients
bench-batch = batches of { $items } items
bench-verifying = checking { $count } certificates offline
