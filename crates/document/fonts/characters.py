# Prints the characters of the subset.
s=set()
for a in range(0xA1,0xF8):
    for b in range(0xA1,0xFF):
        try: s.add(bytes([a,b]).decode('gb2312'))
        except UnicodeDecodeError: pass
s|={chr(c) for c in range(0x20,0x7f)}|{chr(c) for c in range(0xa0,0x180)}|{chr(c) for c in range(0x2010,0x2028)}|set('‰′″‹›※€™←→↑↓✓✗✔✘□■○●◆・「」『』【】〔〕〖〗《》〈〉')|{chr(c) for c in range(0x3000,0x3030)}|{chr(c) for c in range(0xff01,0xff5f)}|{chr(c) for c in range(0x370,0x3ff)}|{chr(c) for c in range(0x400,0x460)}
# characters frequent in names and companies beyond GB 2312
s|=set('镕喆堃赟珺玥昇劼頔祎翀旸暐曌烜晟瑀甯邨闫畲囧湦锟珮崟晞玙珅赑滘氹乂奭哿峣垚旻昉昕晗暄朸杬枥栩梽棂樑沄沺泂洣浛淏淼渼湉溦滢漪潆濛灏炅炘烨焓煜煊熠燚犇玎玘玟珂珈珉珩珵琇琎琬琰琮琲瑄瑛瑢瑭瑷璇璐璟璠祺禛祯稹穗筠箬绮缃翊翙翾芃芮苡茜茗菁菡萱葳蓁蔺蕙蕤薇藜蘅螣裎觅诩谌谡赆轩辰邈郗郦鄢鋆钊钐钘铄铖铠锜锬镒闳阗霁霏霓韫颀飏骁骅骊骐骞鸢麒黉')
print(''.join(sorted(s)))

