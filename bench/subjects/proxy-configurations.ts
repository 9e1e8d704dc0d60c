import { HOST } from '../servers/started-server.js';

/** Connections of a proxy: two for each client. */
const CONNECTIONS = 100_000;

/** nginx with one worker, which passes WebSockets on. */
export const nginxConfiguration = (port: number, upstream: number, maxFiles: number) => `
daemon off;
pid nginx.pid;
error_log stderr error;
worker_processes 1;
worker_rlimit_nofile ${maxFiles};
events { worker_connections ${Math.min(CONNECTIONS, maxFiles)}; }
http {
  access_log off;
  client_body_temp_path temp-body;
  proxy_temp_path temp-proxy;
  fastcgi_temp_path temp-fastcgi;
  uwsgi_temp_path temp-uwsgi;
  scgi_temp_path temp-scgi;
  server {
    listen ${HOST}:${port} backlog=4096;
    location / {
      proxy_pass http://${HOST}:${upstream};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
      tcp_nodelay on;
    }
  }
}
`;

/** HAProxy with one thread, which passes WebSockets on. */
export const haproxyConfiguration = (port: number, upstream: number, maxFiles: number) => `
global
  nbthread 1
  maxconn ${Math.min(CONNECTIONS, Math.floor(maxFiles / 2) - 100)}
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend clients
  bind ${HOST}:${port} backlog 4096
  default_backend gateway
backend gateway
  server gateway ${HOST}:${upstream}
`;
