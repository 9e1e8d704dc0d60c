/** The whole page. A module and not a file beside it, so that `tsc` alone builds the sample. */
export const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Chat</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
      ul { list-style: none; padding: 0; min-height: 12rem; }
      form { display: flex; gap: 0.5rem; }
      #text { flex: 1; }
    </style>
  </head>
  <body>
    <h1>Chat</h1>
    <p id="status" role="status">connecting</p>
    <ul id="log" aria-live="polite"></ul>
    <form id="form">
      <label>Name <input id="name" maxlength="40" size="10" /></label>
      <input id="text" aria-label="Message" maxlength="2000" autocomplete="off" autofocus />
      <button>Send</button>
    </form>
    <script>
      const byId = (id) => document.getElementById(id);
      const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/chat');
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.event === 'count') byId('status').textContent = message.data.online + ' online';
        if (message.event !== 'said') return;
        const line = document.createElement('li');
        line.textContent = message.data.name + ': ' + message.data.text;
        byId('log').append(line);
      };
      socket.onclose = ({ code }) => (byId('status').textContent = 'closed, code ' + code);
      byId('form').onsubmit = (submit) => {
        submit.preventDefault();
        const data = { name: byId('name').value, text: byId('text').value };
        socket.send(JSON.stringify({ event: 'say', data }));
        byId('text').value = '';
      };
    </script>
  </body>
</html>
`;
