"""A person's (or program's) HTTP client: own address, own user agent, own cookies, loopback only."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

import requests

from . import net
from .services import STORE_HOST, VENDOR_HOST, Services

BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
)
_STATIC = re.compile(r'(?:href|src)="(/static/[^"]+)"')


class Browser:
    def __init__(self, services: Services, address: str, agent: str) -> None:
        self.services = services
        self.session = requests.Session()
        self.session.headers.update({"X-Forwarded-For": address, "User-Agent": agent})
        self.address = address
        self._last = ""
        self._fetched: dict[str, str] = {}

    def _send(self, method: str, url: str, host: str, allow_redirects: bool = True, **options) -> requests.Response:
        """Follows redirects by path only: a Location may name a host, and nothing here goes to another host."""
        headers = {"Host": host} | options.pop("headers", {})
        answer = self.session.request(method, net.ours_url(url), headers=headers, timeout=60, allow_redirects=False, **options)
        for _ in range(5):
            if not (allow_redirects and answer.is_redirect):
                break
            there = urlsplit(urljoin(url, answer.headers["Location"]))
            base = urlsplit(url)
            url = net.ours_url(f"{base.scheme}://{base.netloc}{there.path}" + (f"?{there.query}" if there.query else ""))
            answer = self.session.request("GET", url, headers=headers, timeout=60, allow_redirects=False)
        return answer

    def get(self, path: str, **options) -> requests.Response:
        headers = {"Referer": self._last} if self._last else {}
        response = self._send("GET", self.services.store_url + path, STORE_HOST, headers=headers, **options)
        self._last = f"http://{STORE_HOST}{path}"
        return response

    def page(self, path: str) -> requests.Response:
        """A page with what a browser loads along with it: assets in full the first time, later only asked whether they changed."""
        response = self.get(path)
        for asset in dict.fromkeys(_STATIC.findall(response.text)):
            headers = {"Referer": self._last}
            if asset in self._fetched:
                headers["If-Modified-Since"] = self._fetched[asset]
            answer = self._send("GET", self.services.store_url + asset, STORE_HOST, headers=headers)
            self._fetched[asset] = answer.headers.get("Last-Modified", "")
        return response

    def post(self, path: str, data: dict, **options) -> requests.Response:
        token = self.session.cookies.get("csrftoken", "")
        headers = {"Referer": self._last}
        return self._send(
            "POST", self.services.store_url + path, STORE_HOST, data={"csrfmiddlewaretoken": token, **data}, headers=headers, **options
        )

    def log_in(self, email: str, password: str) -> bool:
        """Through the login page's form. True when the store let us in."""
        answer = self.post(
            "/accounts/login/",
            {"login-username": email, "login-password": password, "login-redirect_url": "", "login_submit": "Log In"},
            allow_redirects=False,
        )
        return answer.status_code == 302

    def api(self, path: str, key: str) -> requests.Response:
        return self._send("GET", self.services.store_url + path, STORE_HOST, headers={"X-Api-Key": key, "Accept": "application/json"})

    def vendor(self, path: str) -> requests.Response:
        return self._send("GET", self.services.vendor_url + path, VENDOR_HOST, headers={"Referer": self._last} if self._last else {})
