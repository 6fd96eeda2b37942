"""Files as other products export them, made from their layouts."""

import gzip
import io
import zipfile

T = "visitors,visits,visit_duration,bounces,pageviews"
PLAUSIBLE = {
    "imported_visitors_20250301_20250302.csv": "date,visitors,pageviews,bounces,visits,visit_duration\n"
    "2025-03-01,10,30,2,12,600\n"
    "2025-03-02,5,5,5,5,0\n",
    "imported_pages_20250301_20250302.csv": "date,hostname,page,visits,visitors,pageviews,"
    "total_scroll_depth\n"
    "2025-03-01,a.example,/,12,10,20,3\n2025-03-01,a.example,/ü,3,3,10,3\n",
    "imported_sources_20250301_20250302.csv": "date,source,referrer,utm_source,utm_medium,utm_campaign,"
    f"utm_content,utm_term,{T}\n2025-03-01,Google,google.com,news,,,,,4,4,1,1,8\n",
    "imported_locations_20250301_20250302.csv": f"date,country,region,city,{T}\n2025-03-01,DE,,0,4,4,1,1,8\n",
    "imported_custom_events_20250301_20250302.csv": "date,name,link_url,path,visitors,events\n"
    "2025-03-01,buy,,/,2,3\n",
    "readme.csv": "x\n",
}
GOATCOUNTER = (
    "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,"
    "FirstVisit,Date\n"
    '/a,"A, b",false,,Firefox 130,Linux,s1,0,https://news.example/x,h,,DE-BE,true,2025-03-01T10:00:00Z\n'
    "/b,B,false,,Firefox 130,Linux,s1,0,,,,DE-BE,false,2025-03-01T10:01:00Z\n"
    "click,C,true,,Firefox 130,Linux,s1,0,,,,DE-BE,false,2025-03-01T10:02:00Z\n"
    "/a,A,false,,Chrome 1,Windows 10,s2,3,,,,US,true,2025-03-01T10:03:00Z\n"
)
UMAMI = (
    "website_id,session_id,visit_id,event_id,hostname,browser,os,device,screen,language,country,url_path,"
    "url_query,referrer_domain,event_type,event_name,created_at\n"
    "w,p1,v1,e1,a,chrome,Linux,desktop,1,de,DE,/,utm_source=news,www.google.com,1,,2025-03-01 10:00:00\n"
    "w,p1,v1,e2,a,chrome,Linux,desktop,1,de,DE,/b,,,1,,2025-03-01 10:05:00\n"
    "w,p1,v1,e3,a,chrome,Linux,desktop,1,de,DE,/b,,,2,buy,2025-03-01 10:06:00\n"
    "w,p2,v2,e4,a,firefox,Linux,mobile,1,de,FR,/,,,1,,2025-03-01 11:00:00\n"
)
GA4 = (
    "# ----\n# Pages\n# Start date: 20250301\n# End date: 20250302\n# ----\n"
    'Page path and screen class,Date,Views,Active users\n/,20250301,"1,200",800\n'
    "/b,20250301,10,9\n/,20250302,5,5\n"
)


def zipped(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


CONTENT = {
    "plausible": zipped(PLAUSIBLE),
    "goatcounter": gzip.compress(GOATCOUNTER.encode()),
    "umami": UMAMI.encode(),
    "ga4": GA4.encode(),
}
